namespace Nexus.Gateway.Grpc.Schema;

/// <summary>Types of protobuf itself that others use. Clients have them: they are answered by reflection, not served as files.</summary>
internal static class WellKnown
{
    /// <summary>google/protobuf/struct.proto.</summary>
    public static ProtoFile StructFile { get; } = new("google/protobuf/struct.proto", "google.protobuf");

    /// <summary>google/protobuf/timestamp.proto.</summary>
    public static ProtoFile TimestampFile { get; } = new("google/protobuf/timestamp.proto", "google.protobuf");

    /// <summary>A JSON object.</summary>
    public static ProtoMessage Struct { get; } = new("Struct", "google.protobuf.Struct") { Form = ProtoForm.Struct };

    /// <summary>Any JSON value.</summary>
    public static ProtoMessage Value { get; } = new("Value", "google.protobuf.Value") { Form = ProtoForm.Value };

    /// <summary>A JSON array.</summary>
    public static ProtoMessage ListValue { get; } = new("ListValue", "google.protobuf.ListValue") { Form = ProtoForm.ListValue };

    /// <summary>An instant.</summary>
    public static ProtoMessage Timestamp { get; } = new("Timestamp", "google.protobuf.Timestamp") { Form = ProtoForm.Timestamp };

    static WellKnown()
    {
        var nothing = new ProtoEnum("NullValue", "google.protobuf.NullValue");
        nothing.Values.Add(("NULL_VALUE", 0, "NULL_VALUE"));
        Struct.AddMap("fields", 1, new ProtoField("value", 2, ProtoKind.Message) { Message = Value });
        Value.Add(new ProtoField("null_value", 1, ProtoKind.Enum) { Enum = nothing, OneOf = "kind" })
            .Add("number_value", 2, ProtoKind.Double, oneOf: "kind").Add("string_value", 3, ProtoKind.Text, oneOf: "kind").Add("bool_value", 4, ProtoKind.Bool, oneOf: "kind")
            .Add("struct_value", 5, Struct, oneOf: "kind").Add("list_value", 6, ListValue, oneOf: "kind");
        ListValue.Add("values", 1, Value, repeated: true);
        Timestamp.Add("seconds", 1, ProtoKind.Int64).Add("nanos", 2, ProtoKind.Int32);
        StructFile.Messages.AddRange([Struct, Value, ListValue]);
        StructFile.Enums.Add(nothing);
        TimestampFile.Messages.Add(Timestamp);
    }
}
