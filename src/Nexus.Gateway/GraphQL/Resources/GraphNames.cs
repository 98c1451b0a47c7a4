using System.Text;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>
/// Names of types and fields. Each begins with its plugin's id, so that no name depends on which other plugins are there: a swap of one
/// plugin renames nothing of another.
/// </summary>
internal static class GraphNames
{
    /// <summary>A dotted, dashed or camel-case name in PascalCase.</summary>
    public static string Pascal(string name)
    {
        var text = new StringBuilder(name.Length);
        var upper = true;
        foreach (var letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter))
            {
                upper = true;
                continue;
            }
            if (text.Length == 0 && char.IsAsciiDigit(letter))
                text.Append('N');
            text.Append(upper ? char.ToUpperInvariant(letter) : letter);
            upper = false;
        }
        return text.Length == 0 ? "Unnamed" : text.ToString();
    }

    /// <summary>The same in camelCase.</summary>
    public static string Camel(string name)
    {
        var pascal = Pascal(name);
        return char.ToLowerInvariant(pascal[0]) + pascal[1..];
    }

    /// <summary>Type of a resource's records.</summary>
    public static string Type(ResourceDescriptor resource) => Pascal(resource.Plugin) + Pascal(resource.Singular);

    /// <summary>
    /// Type of records that a reference means and that this node does not have: <c>crm.customers</c> referred to by a record type <c>Customer</c> is <c>CrmCustomer</c>, and so is
    /// the record type <c>Crm.Customer</c>, which stands for a resource that was never named. Null when neither can be told.
    /// </summary>
    public static string? Foreign(FieldDescriptor reference)
    {
        if (reference.Target is not { } target || target.LastIndexOf('.') is not (> 0 and var end))
            return null;
        return target.AsSpan().ContainsAnyInRange('A', 'Z') ? Pascal(target)
            : reference.TargetType is { } singular ? Pascal(target[..end]) + Pascal(singular)
            : null;
    }

    /// <summary>Field that lists them.</summary>
    public static string List(ResourceDescriptor resource) => Camel(resource.Plugin) + Pascal(resource.Name);

    /// <summary>Field of one of them.</summary>
    public static string One(ResourceDescriptor resource)
    {
        var name = Camel(resource.Plugin) + Pascal(resource.Singular);
        return name == List(resource) ? name + "ById" : name;
    }

    /// <summary>Name of a field's own value; that of a reference is an id.</summary>
    public static string Value(FieldDescriptor field) => field switch
    {
        { Kind: FieldKind.Reference } => Field(field.Name) + "Id",
        { Kind: FieldKind.List, Element.Kind: FieldKind.Reference } => Field(field.Name) + "Ids",
        _ => Field(field.Name),
    };

    /// <summary>A wire name as GraphQL allows it.</summary>
    public static string Field(string name)
    {
        var text = new string([.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_' ? letter : '_')]);
        return text.Length == 0 || char.IsAsciiDigit(text[0]) || text.StartsWith("__", StringComparison.Ordinal) ? "f" + text : text;
    }

    /// <summary>A word of a choice as a value of an enum.</summary>
    public static string Word(string word)
    {
        var text = new string([.. word.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_' ? letter : '_')]);
        return text.Length == 0 || char.IsAsciiDigit(text[0]) || text is "true" or "false" or "null" || text.StartsWith("__", StringComparison.Ordinal) ? "_" + text.TrimStart('_') : text;
    }
}
