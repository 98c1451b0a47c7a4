using System.Text;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>Fields that tell one entity of a type from all others, as <c>@key</c> names them.</summary>
/// <param name="Fields">The fields, each with what is selected below it.</param>
/// <param name="IsResolvable">The subgraph finds entities by it.</param>
internal sealed record KeyFields(Field[] Fields, bool IsResolvable)
{
    /// <summary>Reads the argument <c>fields</c>.</summary>
    /// <exception cref="SyntaxException">It is no selection.</exception>
    public static KeyFields Read(string text, bool isResolvable) =>
        new([.. SelectionOf(text).Selections.OfType<Field>()], isResolvable);

    /// <summary>A set of fields as a selection.</summary>
    /// <exception cref="SyntaxException">It is none.</exception>
    public static SelectionSet SelectionOf(string text) => ((OperationDefinition)Parser.Parse("{" + text + "}").Definitions[0]).Selections;

    /// <summary>A field with what is selected below it, as text.</summary>
    public static string Print(Field field)
    {
        var text = new StringBuilder();
        Print(text, field);
        return text.ToString();
    }

    private static void Print(StringBuilder text, Field field)
    {
        text.Append(field.Name.Text);
        if (field.Arguments.Length > 0)
            text.Append('(').AppendJoin(", ", field.Arguments.Select(argument => $"{argument.Name.Text}: {Printer.Print(argument.Value)}")).Append(')');
        if (field.Selections is not { } set)
            return;
        text.Append(" {");
        foreach (var below in set.Selections.OfType<Field>())
        {
            text.Append(' ');
            Print(text, below);
        }
        text.Append(" }");
    }
}
