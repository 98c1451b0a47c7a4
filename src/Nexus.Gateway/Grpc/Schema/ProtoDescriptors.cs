using Nexus.Gateway.Grpc.Wire;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>Writes a file as <c>google.protobuf.FileDescriptorProto</c>, by the numbers of descriptor.proto: what reflection answers.</summary>
internal static class ProtoDescriptors
{
    public static byte[] Write(ProtoFile file)
    {
        using var to = new ProtoWriter();
        to.Text(1, file.Name);
        to.Text(2, file.Package);
        foreach (var import in file.Imports)
            to.Text(3, import.Name);
        foreach (var message in file.Messages)
            Write(to, 4, message);
        foreach (var one in file.Enums)
            Write(to, 5, one);
        foreach (var service in file.Services)
            Write(to, service);
        to.Text(12, "proto3");
        return to.Written.ToArray();
    }

    private static void Write(ProtoWriter to, int number, ProtoMessage message)
    {
        var start = to.Begin(number);
        to.Text(1, message.Name);
        // What is optional stands alone in a oneof of its own, and those come after the declared ones.
        List<string> groups = [.. message.Fields.Select(f => f.OneOf).OfType<string>().Distinct(), .. message.Fields.Where(f => f.IsOptional).Select(f => "_" + f.Name)];
        foreach (var field in message.Fields)
            Write(to, field, groups.IndexOf(field.OneOf ?? "_" + field.Name));
        foreach (var nested in message.Nested)
            Write(to, 3, nested);
        foreach (var one in message.Enums)
            Write(to, 4, one);
        if (message.IsMapEntry)
        {
            var options = to.Begin(7);
            to.Bool(7, true);
            to.End(options);
        }
        foreach (var group in groups)
        {
            var oneOf = to.Begin(8);
            to.Text(1, group);
            to.End(oneOf);
        }
        to.End(start);
    }

    private static void Write(ProtoWriter to, ProtoField field, int group)
    {
        var start = to.Begin(2);
        to.Text(1, field.Name);
        to.Int64(3, field.Number);
        to.Int64(4, field.IsRepeated ? 3 : 1);
        to.Int64(5, (long)field.Kind);
        if ((field.Message?.FullName ?? field.Enum?.FullName) is { } type)
            to.Text(6, "." + type);
        if (group >= 0)
            to.Int64(9, group);
        to.Text(10, field.JsonName);
        if (field.IsOptional)
            to.Bool(17, true);
        to.End(start);
    }

    private static void Write(ProtoWriter to, int number, ProtoEnum type)
    {
        var start = to.Begin(number);
        to.Text(1, type.Name);
        foreach (var (name, value, _) in type.Values)
        {
            var one = to.Begin(2);
            to.Text(1, name);
            to.Int64(2, value);
            to.End(one);
        }
        to.End(start);
    }

    private static void Write(ProtoWriter to, ProtoInterface service)
    {
        var start = to.Begin(6);
        to.Text(1, service.Name);
        foreach (var method in service.Methods)
        {
            var one = to.Begin(2);
            to.Text(1, method.Name);
            to.Text(2, "." + method.Input.FullName);
            to.Text(3, "." + method.Output.FullName);
            if (method.ClientStreams)
                to.Bool(5, true);
            if (method.ServerStreams)
                to.Bool(6, true);
            to.End(one);
        }
        to.End(start);
    }
}
