using System.Text;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>Prints a file as <c>.proto</c> text, from which clients are generated.</summary>
internal static class ProtoText
{
    public static string Print(ProtoFile file)
    {
        var text = new StringBuilder();
        Comment(text, "", file.Comment);
        text.Append("syntax = \"proto3\";\n\npackage ").Append(file.Package).Append(";\n");
        if (file.Imports.Length > 0)
            text.Append('\n');
        foreach (var import in file.Imports)
            text.Append("import \"").Append(import.Name).Append("\";\n");
        foreach (var service in file.Services)
            Print(text, service);
        foreach (var message in file.Messages)
            Print(text, message, "");
        foreach (var one in file.Enums)
            Print(text, one, "");
        return text.ToString();
    }

    private static void Print(StringBuilder text, ProtoInterface service)
    {
        text.Append('\n');
        Comment(text, "", service.Comment);
        text.Append("service ").Append(service.Name).Append(" {\n");
        foreach (var method in service.Methods)
        {
            Comment(text, "  ", method.Comment);
            text.Append("  rpc ").Append(method.Name).Append('(').Append(method.ClientStreams ? "stream " : "").Append('.').Append(method.Input.FullName)
                .Append(") returns (").Append(method.ServerStreams ? "stream " : "").Append('.').Append(method.Output.FullName).Append(");\n");
        }
        text.Append("}\n");
    }

    private static void Print(StringBuilder text, ProtoMessage message, string indent)
    {
        text.Append('\n');
        Comment(text, indent, message.Comment);
        text.Append(indent).Append("message ").Append(message.Name).Append(" {\n");
        var inner = indent + "  ";
        foreach (var group in message.Fields.GroupBy(f => f.OneOf ?? f.Name))
        {
            if (group.First().OneOf is not { } name)
            {
                Print(text, group.First(), inner);
                continue;
            }
            text.Append(inner).Append("oneof ").Append(name).Append(" {\n");
            foreach (var field in group)
                Print(text, field, inner + "  ");
            text.Append(inner).Append("}\n");
        }
        foreach (var one in message.Enums)
            Print(text, one, inner);
        foreach (var nested in message.Nested.Where(n => !n.IsMapEntry))
            Print(text, nested, inner);
        text.Append(indent).Append("}\n");
    }

    private static void Print(StringBuilder text, ProtoField field, string indent)
    {
        Comment(text, indent, field.Comment);
        text.Append(indent);
        if (field.IsMap)
            text.Append("map<string, ").Append(TypeOf(field.Message!.Find(2)!)).Append('>');
        else
            text.Append(field.IsRepeated ? "repeated " : field.IsOptional ? "optional " : "").Append(TypeOf(field));
        text.Append(' ').Append(field.Name).Append(" = ").Append(field.Number);
        if (field.JsonName != ProtoNames.Camel(field.Name))
            text.Append(" [json_name = \"").Append(field.JsonName.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append("\"]");
        text.Append(";\n");
    }

    private static void Print(StringBuilder text, ProtoEnum type, string indent)
    {
        text.Append('\n').Append(indent).Append("enum ").Append(type.Name).Append(" {\n");
        foreach (var (name, number, _) in type.Values)
            text.Append(indent).Append("  ").Append(name).Append(" = ").Append(number).Append(";\n");
        text.Append(indent).Append("}\n");
    }

    private static string TypeOf(ProtoField field) => field.Kind switch
    {
        ProtoKind.Message => "." + field.Message!.FullName,
        ProtoKind.Enum => "." + field.Enum!.FullName,
        ProtoKind.Text => "string",
        _ => field.Kind.ToString().ToLowerInvariant(),
    };

    private static void Comment(StringBuilder text, string indent, string? comment)
    {
        foreach (var line in comment?.Split('\n', StringSplitOptions.TrimEntries) ?? [])
            text.Append(indent).Append("// ").Append(line).Append('\n');
    }
}
