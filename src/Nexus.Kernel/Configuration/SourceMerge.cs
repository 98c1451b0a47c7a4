using System.Collections.Immutable;
using System.Globalization;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Deep merge of configuration trees: maps join key by key (case-insensitively), everything else is replaced.</summary>
internal static class SourceMerge
{
    public static SourceNode Merge(SourceNode under, SourceNode over)
    {
        if (under.Kind != SourceKind.Map || over.Kind != SourceKind.Map)
            return over;
        var members = under.Members.ToBuilder();
        foreach (var member in over.Members)
        {
            var at = IndexOf(members, member.Name);
            if (at < 0)
                members.Add(member);
            else
                members[at] = members[at] with { Position = member.Position, Value = Merge(members[at].Value, member.Value) };
        }

        return under with { Members = members.ToImmutable() };
    }

    /// <summary>Gives keys the spelling of the schema, and turns what only text sources can say (<c>a,b</c>; <c>KEY__0</c>) into the lists that the schema wants.</summary>
    /// <param name="node">The value.</param>
    /// <param name="schema">Its schema.</param>
    /// <param name="loose">Also match keys without their underscores: <c>ALLOWED_HOSTS</c> is <c>allowedHosts</c>. For environment variables.</param>
    public static SourceNode Conform(SourceNode node, JsonSchema schema, bool loose)
    {
        if (schema.Types.Contains("array") && schema.Elements is { } element)
            return ConformList(node, element, loose);
        if (node.Kind != SourceKind.Map)
            return node;
        return node with
        {
            Members =
            [
                // A key without a value, as a section whose lines are all commented out, is as if it were not there.
                .. node.Members.Where(m => m.Value.Kind != SourceKind.Null).Select(m => Spelling(m.Name, schema, loose) is { } name
                    ? m with { Name = name, Value = Conform(m.Value, schema.Properties[name], loose) }
                    : m with { Name = loose ? m.Name.ToLowerInvariant() : m.Name, Value = schema.Additional is { } rest && m.Value.Kind == SourceKind.Map ? Conform(m.Value, rest, loose) : m.Value }),
            ],
        };
    }

    /// <summary>The tree of all defaults that a schema states; null when it states none.</summary>
    public static SourceNode? Defaults(JsonSchema schema, SourcePosition position)
    {
        if (schema.Default is { } value)
            return Place(value, position);
        var members = schema.Properties
            .OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => (p.Key, Value: Defaults(p.Value, position)))
            .Where(p => p.Value is not null)
            .Select(p => new SourceMember(p.Key, position, p.Value!))
            .ToImmutableArray();
        return members.IsEmpty ? null : new SourceNode { Kind = SourceKind.Map, Position = position, Members = members };
    }

    private static SourceNode ConformList(SourceNode node, JsonSchema element, bool loose)
    {
        if (node.Kind == SourceKind.Text)
        {
            var words = node.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return new SourceNode { Kind = SourceKind.List, Position = node.Position, Elements = [.. words.Select(w => node with { Text = w })] };
        }

        if (node.Kind == SourceKind.Map && node.Members.All(m => int.TryParse(m.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            return new SourceNode { Kind = SourceKind.List, Position = node.Position, Elements = [.. node.Members.OrderBy(m => int.Parse(m.Name, CultureInfo.InvariantCulture)).Select(m => Conform(m.Value, element, loose))] };
        return node;
    }

    private static string? Spelling(string name, JsonSchema schema, bool loose) =>
        schema.Properties.Keys.FirstOrDefault(k => string.Equals(k, name, StringComparison.OrdinalIgnoreCase))
        ?? (loose ? schema.Properties.Keys.FirstOrDefault(k => string.Equals(k, name.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)) : null);

    private static SourceNode Place(SourceNode node, SourcePosition position) => node with
    {
        Position = position,
        Elements = [.. node.Elements.Select(e => Place(e, position))],
        Members = [.. node.Members.Select(m => new SourceMember(m.Name, position, Place(m.Value, position)))],
    };

    private static int IndexOf(ImmutableArray<SourceMember>.Builder members, string name)
    {
        for (var i = 0; i < members.Count; i++)
            if (string.Equals(members[i].Name, name, StringComparison.OrdinalIgnoreCase))
                return i;
        return -1;
    }
}
