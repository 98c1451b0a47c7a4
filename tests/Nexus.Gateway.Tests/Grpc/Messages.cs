using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.Grpc.Wire;

namespace Nexus.Gateway.Tests.Grpc;

public sealed class Messages
{
    private static readonly ProtoMessage Type = CreateType();

    [Theory]
    [InlineData("""{"text":"äöü \"quoted\" \n 🦊","whole":-9223372036854775808,"real":0.1,"yes":false,"bytes":"AP8=","state":"in work","at":"2030-01-31T17:30:00.1234567Z","inner":{"text":""},"texts":["a","","c"],"wholes":[1,-1,0],"inners":[{},{"whole":1}],"points":{"a":0,"b":-5},"any":{"a":[1,null,"x",{"b":true}],"c":0.5},"free":null}""")]
    [InlineData("""{"at":"0001-01-01T00:00:00Z","any":{}}""")]
    [InlineData("""{"at":"1969-12-31T23:59:59.9Z"}""")]
    [InlineData("{}")]
    public void Every_kind_of_value_comes_back_as_it_went(string json)
    {
        Assert.Equal(JsonNode.Parse(json)!.ToJsonString(), JsonNode.Parse(Back(json))!.ToJsonString());
    }

    [Fact]
    public void A_number_that_a_double_cannot_hold_leaves_as_text_where_the_type_has_no_better()
    {
        Assert.Equal("""{"any":{"exact":9007199254740991,"great":"9007199254740993","tenth":0.1,"long":"0.12345678901234567890"}}""", Back("""{"any":{"exact":9007199254740991,"great":9007199254740993,"tenth":0.1,"long":0.12345678901234567890}}"""));
        Assert.Equal("""{"text":"12.30","whole":9007199254740993}""", Back("""{"text":12.30,"whole":9007199254740993}"""));
    }

    [Fact]
    public void Fields_of_another_version_are_passed_over_in_both_directions()
    {
        var newer = new ProtoMessage("Newer", "test.Newer").Add("text", 1, ProtoKind.Text).Add("later", 900, WellKnown.Struct).Add("last", 2, ProtoKind.Int64);
        var older = new ProtoMessage("Older", "test.Older").Add("last", 2, ProtoKind.Int64);

        var sent = Write(newer, """{"text":"new","later":{"a":{"b":1}},"last":7}""");

        Assert.Equal("""{"last":7}""", Encoding.UTF8.GetString(ProtoToJson.Read(older, sent).Span));
        Assert.Equal("""{"last":7}""", Encoding.UTF8.GetString(ProtoToJson.Read(newer, Write(older, """{"text":"gone","last":7}""")).Span));
    }

    [Fact]
    public void Packed_numbers_and_a_message_in_two_parts_are_read_as_the_format_says()
    {
        // wholes = 10: [1, 300] packed; inner = 8 twice, first its text, then its number.
        byte[] message = [0x52, 3, 1, 0xAC, 2, 0x42, 3, 0x0A, 1, (byte)'a', 0x42, 2, 0x10, 5];

        Assert.Equal("""{"inner":{"text":"a","whole":5},"wholes":[1,300]}""", Encoding.UTF8.GetString(ProtoToJson.Read(Type, message).Span));
    }

    [Fact]
    public void Two_hundred_thousand_damaged_messages_are_refused_or_read_and_nothing_else()
    {
        var random = new Random(20260101);
        var whole = Write(Type, """{"text":"abc","whole":5,"real":1.5,"yes":true,"state":"in work","at":"2030-01-31T17:30:00Z","inner":{"text":"x","inner":{"whole":1}},"texts":["a","b"],"wholes":[1,2,3],"inners":[{"whole":1}],"points":{"a":1},"any":{"a":[1,{"b":null}]}}""");
        var (read, refused) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var damaged = whole[..random.Next(1, whole.Length + 1)];
            for (var changes = random.Next(1, 6); changes > 0; changes--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                _ = JsonElement.Parse(ProtoToJson.Read(Type, damaged).Span);
                read++;
            }
            catch (Exception exception) when (exception is ProtoException or NexusException)
            {
                refused++;
            }
        }
        Assert.InRange(read, 1_000, 199_000);
        Assert.Equal(200_000, read + refused);
    }

    [Fact]
    public void A_message_within_itself_without_end_is_refused()
    {
        byte[] message = [];
        for (var level = 0; level < 200; level++)
        {
            using var outer = new ProtoWriter();
            outer.Bytes(8, message);
            message = outer.Written.ToArray();
        }

        Assert.Contains("nested too deeply", Assert.Throws<ProtoException>(() => ProtoToJson.Read(Type, message)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("customer", 79538814)]
    [InlineData("quantity", 192057354)]
    public void The_number_of_a_field_comes_from_its_name_alone(string name, int number) => Assert.Equal(number, ProtoNames.Number(name, static _ => false));

    [Fact]
    public void A_number_that_is_taken_gives_way_to_the_next() => Assert.Equal(ProtoNames.Number("customer", static _ => false) + 1, ProtoNames.Number("customer", static number => number == ProtoNames.Number("customer", static _ => false)));

    private static string Back(string json) => Encoding.UTF8.GetString(ProtoToJson.Read(Type, Write(Type, json)).Span);

    private static byte[] Write(ProtoMessage type, string json)
    {
        using var message = new ProtoWriter();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        JsonToProto.Write(message, type, ref reader);
        return message.Written.ToArray();
    }

    private static ProtoMessage CreateType()
    {
        var state = new ProtoEnum("State", "test.All.State");
        state.Values.AddRange([("STATE_UNSPECIFIED", 0, null), ("STATE_IN_WORK", 77, "in work")]);
        var type = new ProtoMessage("All", "test.All");
        return type.Add("text", 1, ProtoKind.Text).Add("whole", 2, ProtoKind.Int64).Add("real", 3, ProtoKind.Double).Add("yes", 4, ProtoKind.Bool).Add("bytes", 5, ProtoKind.Bytes)
            .Add(new ProtoField("state", 6, ProtoKind.Enum) { Enum = state }).Add("at", 7, WellKnown.Timestamp).Add("inner", 8, type).Add("texts", 9, ProtoKind.Text, repeated: true).Add("wholes", 10, ProtoKind.Int64, repeated: true)
            .Add("inners", 11, type, repeated: true).AddMap("points", 12, new ProtoField("value", 2, ProtoKind.Int64)).Add("any", 13, WellKnown.Struct).Add("free", 14, WellKnown.Value);
    }
}
