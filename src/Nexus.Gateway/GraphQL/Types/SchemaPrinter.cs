using System.Text;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>Prints a schema in the schema definition language, types sorted by name, so that two texts differ where two schemas do.</summary>
internal static class SchemaPrinter
{
    /// <summary>The whole schema but what every schema has.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="marks">What is left out of it and added to it; null for nothing.</param>
    public static string Print(Schema schema, SchemaMarks? marks = null)
    {
        var text = new StringBuilder();
        marks ??= SchemaMarks.None;
        // It may be left out only where it says no more than the names of the root types do.
        if (schema.Description is not null && marks.HasRoots)
            PrintRoots(text, schema);
        foreach (var type in schema.Types.Where(t => !t.Name.StartsWith("__", StringComparison.Ordinal) && !(t is ScalarType scalar && Scalars.All.Contains(scalar)) && marks.Has(t)).OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            if (text.Length > 0)
                text.Append('\n');
            Describe(text, type.Description, "");
            Print(text, type, marks);
        }
        return text.ToString();
    }

    /// <summary>One part of a schema as <see cref="SchemaCoordinate.FindIn"/> finds it.</summary>
    public static string PrintPart(object part)
    {
        var text = new StringBuilder();
        switch (part)
        {
            case NamedType type:
                Describe(text, type.Description, "");
                Print(text, type, SchemaMarks.None);
                break;
            case FieldType field:
                PrintField(text, field);
                break;
            case InputField input:
                Describe(text, input.Description, "");
                PrintInput(text, input);
                break;
            case EnumMember member:
                PrintMember(text, member);
                break;
            case DirectiveType directive:
                Describe(text, directive.Description, "");
                text.Append("directive @").Append(directive.Name);
                PrintArguments(text, directive.Arguments);
                text.Append(directive.IsRepeatable ? " repeatable on " : " on ").AppendJoin(" | ", directive.Locations);
                break;
        }
        // Fields, values and arguments are printed as they stand within their type, two spaces in.
        return string.Join('\n', text.ToString().TrimEnd('\n').Split('\n').Select(line => part is FieldType or EnumMember or DirectiveType && line.StartsWith("  ", StringComparison.Ordinal) ? line[2..] : line)) + "\n";
    }

    private static void PrintRoots(StringBuilder text, Schema schema)
    {
        Describe(text, schema.Description, "");
        text.Append("schema {\n");
        foreach (var kind in Enum.GetValues<OperationKind>())
        {
            if (schema.Root(kind) is { } root)
                text.Append("  ").Append(kind.ToString().ToLowerInvariant()).Append(": ").Append(root.Name).Append('\n');
        }
        text.Append("}\n");
    }

    private static void Print(StringBuilder text, NamedType type, SchemaMarks marks)
    {
        switch (type)
        {
            case ScalarType scalar:
                text.Append("scalar ").Append(scalar.Name);
                if (scalar.SpecifiedBy is { } address)
                    text.Append(" @specifiedBy(url: ").Append(Printer.PrintString(address)).Append(')');
                text.Append('\n');
                break;
            case FieldsType composite:
                text.Append(type is ObjectType ? "type " : "interface ").Append(type.Name);
                if (composite.Interfaces.Count > 0)
                    text.Append(" implements ").AppendJoin(" & ", composite.Interfaces);
                text.Append(marks.Of(type));
                PrintBlock(text, composite.Fields.Where(marks.HasField), PrintField);
                break;
            case UnionType union:
                text.Append("union ").Append(type.Name).Append(" = ").AppendJoin(" | ", union.Members).Append('\n');
                break;
            case EnumType words:
                text.Append("enum ").Append(type.Name);
                PrintBlock(text, words.Members, PrintMember);
                break;
            case InputType input:
                text.Append("input ").Append(type.Name).Append(input.IsOneOf && marks.HasOneOf ? " @oneOf" : "");
                PrintBlock(text, input.Fields, static (text, field) =>
                {
                    Describe(text, field.Description, "  ");
                    text.Append("  ");
                    PrintInput(text, field);
                });
                break;
        }
    }

    private static void PrintBlock<T>(StringBuilder text, IEnumerable<T> parts, Action<StringBuilder, T> print)
    {
        text.Append(" {\n");
        foreach (var part in parts)
        {
            print(text, part);
            text.Append('\n');
        }
        text.Append("}\n");
    }

    private static void PrintField(StringBuilder text, FieldType field)
    {
        Describe(text, field.Description, "  ");
        text.Append("  ").Append(field.Name);
        PrintArguments(text, field.Arguments);
        text.Append(": ").Append(field.Type);
        Deprecate(text, field.Deprecation);
    }

    private static void PrintArguments(StringBuilder text, IReadOnlyList<InputField> arguments)
    {
        if (arguments.Count == 0)
            return;
        var described = arguments.Any(argument => argument.Description is not null);
        text.Append(described ? "(\n" : "(");
        for (var i = 0; i < arguments.Count; i++)
        {
            if (i > 0)
                text.Append(described ? "\n" : ", ");
            Describe(text, arguments[i].Description, "    ");
            text.Append(described ? "    " : "");
            PrintInput(text, arguments[i]);
        }
        text.Append(described ? "\n  )" : ")");
    }

    private static void PrintMember(StringBuilder text, EnumMember member)
    {
        Describe(text, member.Description, "  ");
        text.Append("  ").Append(member.Name);
        Deprecate(text, member.Deprecation);
    }

    private static void PrintInput(StringBuilder text, InputField input)
    {
        text.Append(input.Name).Append(": ").Append(input.Type);
        if (input.Default is { } value)
            text.Append(" = ").Append(Printer.Print(value));
        Deprecate(text, input.Deprecation);
    }

    private static void Deprecate(StringBuilder text, string? reason)
    {
        if (reason is not null)
            text.Append(reason == DirectiveTypes.NoReason ? " @deprecated" : $" @deprecated(reason: {Printer.PrintString(reason)})");
    }

    private static void Describe(StringBuilder text, string? description, string indentation)
    {
        if (description is not null)
            text.Append(indentation).Append(Printer.PrintBlock(description).Replace("\n", "\n" + indentation, StringComparison.Ordinal)).Append('\n');
    }
}

/// <summary>What is left out of a printed schema, and what is added to it.</summary>
internal sealed class SchemaMarks
{
    /// <summary>All as it is.</summary>
    public static SchemaMarks None { get; } = new();

    /// <summary>Whether a type is printed.</summary>
    public Func<NamedType, bool> Has { get; init; } = static _ => true;

    /// <summary>Whether a field is printed.</summary>
    public Func<FieldType, bool> HasField { get; init; } = static _ => true;

    /// <summary>Whether the schema's own definition is printed, where it says something.</summary>
    public bool HasRoots { get; init; } = true;

    /// <summary>Whether <c>@oneOf</c> is printed.</summary>
    public bool HasOneOf { get; init; } = true;

    /// <summary>Directives of an object or interface, each after a space.</summary>
    public Func<NamedType, string> Of { get; init; } = static _ => "";
}
