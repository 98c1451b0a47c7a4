using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Nexus.Core.Identity.Policy;

/// <summary>
/// What a role, a policy or a scope allows: <c>{resource}:{action}</c> or <c>{resource}:{action}:{own|team|all}</c>, all when no scope is named. <c>*</c> alone is everything.
/// A resource is <c>{plugin}.{resource}</c>; <c>*</c> stands for one of its words and, at the end, for all further ones; without a dot it is the resource's own name in any plugin; <c>/*</c> at its end may be written and says nothing more.
/// The node's own parts (<c>platform.…</c>, <c>core.…</c>) are not among what <c>*:read</c> or a bare name cover: who may read all orders need not read the configuration. They are named in full, or covered by <c>*</c> and <c>*:*</c>.
/// </summary>
/// <param name="Resource">Pattern of resources.</param>
/// <param name="Action">An action, or <c>*</c>.</param>
/// <param name="Scope">On which records.</param>
internal sealed record Grant(string Resource, string Action, AccessScope Scope)
{
    /// <summary>Names of scopes that stand for several grants.</summary>
    public static FrozenDictionary<string, ImmutableArray<string>> Named { get; } = new Dictionary<string, ImmutableArray<string>>
    {
        ["read:plugins"] = ["platform.plugins:read", "platform.services:read", "platform.status:read"],
        ["write:plugins"] = ["platform.plugins:*"],
        ["admin:system"] = ["platform.*:*", "core.*:*"],
        ["events:emit"] = ["platform.events:create"],
        ["events:subscribe"] = ["platform.events:read"],
        ["events:decrypt"] = ["platform.events:decrypt"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly string[] words = Resource.Split('.');

    /// <summary>Whether it is everything.</summary>
    public bool IsEverything => Resource == "*" && Action == "*" && Scope == AccessScope.All;

    /// <summary>Whether a resource is one of the node's own parts.</summary>
    public static bool IsReserved(ReadOnlySpan<char> resource) => resource.StartsWith("platform.", StringComparison.Ordinal) || resource.StartsWith("core.", StringComparison.Ordinal) || resource is "platform" or "core";

    /// <summary>The grants that a text stands for; empty when it is none.</summary>
    public static Grant[] Parse(string? text)
    {
        if (text is null || text.Length > 200) return [];
        if (Named.TryGetValue(text, out var several)) return [.. several.SelectMany(Parse)];
        if (text == "*") return [new Grant("*", "*", AccessScope.All)];
        var parts = text.Split(':');
        if (parts.Length is < 2 or > 3 || ScopeOf(parts.Length == 3 ? parts[2] : "all") is not { } scope) return [];
        var resource = parts[0].EndsWith("/*", StringComparison.Ordinal) ? parts[0][..^2] : parts[0];
        return resource.Split('.').All(IsWord) && IsWord(parts[1]) ? [new Grant(resource, parts[1], scope)] : [];
    }

    /// <summary>A scope by its name.</summary>
    public static AccessScope? ScopeOf(string? name) => name switch
    {
        "own" => AccessScope.Own,
        "team" => AccessScope.Team,
        "all" or "*" => AccessScope.All,
        _ => null,
    };

    /// <summary>Whether it covers an action on a resource; on which records is <see cref="Scope"/>.</summary>
    public bool Covers(string resource, string action) => (Action == "*" || Action == action) && CoversResource(resource);

    /// <summary>Whether who has this also has the other one.</summary>
    public bool Covers(Grant other) =>
        Scope >= other.Scope && (IsEverything
            || (Action == "*" || Action == other.Action) && (Resource == other.Resource || !other.Resource.Contains('*', StringComparison.Ordinal) && other.Resource.Contains('.', StringComparison.Ordinal) && CoversResource(other.Resource)
                || Resource == "*" && !IsReserved(other.Resource)
                || Resource.EndsWith(".*", StringComparison.Ordinal) && other.Resource.StartsWith(Resource[..^1], StringComparison.Ordinal)));

    public override string ToString() => IsEverything ? "*" : $"{Resource}:{Action}:{(Scope == AccessScope.Own ? "own" : Scope == AccessScope.Team ? "team" : "all")}";

    private bool CoversResource(string resource)
    {
        if (Resource == resource) return true;
        if (words.Length == 1)
        {
            if (words[0] == "*") return !IsReserved(resource) || (Action == "*" && Scope == AccessScope.All);
            return !IsReserved(resource) && resource.AsSpan(resource.LastIndexOf('.') + 1).SequenceEqual(words[0]);
        }

        var rest = resource.AsSpan();
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == "*" && i == words.Length - 1) return !rest.IsEmpty;
            var dot = rest.IndexOf('.');
            var word = dot < 0 ? rest : rest[..dot];
            if (word.IsEmpty || (words[i] != "*" && !word.SequenceEqual(words[i]))) return false;
            rest = dot < 0 ? [] : rest[(dot + 1)..];
        }

        return rest.IsEmpty;
    }

    private static bool IsWord(string word) => word == "*" || (word.Length > 0 && word.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_'));
}
