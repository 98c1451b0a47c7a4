using System.Text.Json;
using Nexus.Gateway.GraphQL.Resources;

namespace Nexus.Gateway.Tests.GraphQL;

/// <summary>What each kind of field becomes.</summary>
public sealed class Graph_types
{
    private static readonly Dictionary<FieldKind, (string Output, string Input)> Expected = new()
    {
        [FieldKind.Text] = ("String", "String"), [FieldKind.Multiline] = ("String", "String"), [FieldKind.Integer] = ("Long", "Long"), [FieldKind.Decimal] = ("Decimal", "Decimal"),
        [FieldKind.Real] = ("Float", "Float"), [FieldKind.Boolean] = ("Boolean", "Boolean"), [FieldKind.Date] = ("Date", "Date"), [FieldKind.Time] = ("Time", "Time"),
        [FieldKind.Instant] = ("DateTime", "DateTime"), [FieldKind.Duration] = ("Duration", "Duration"), [FieldKind.Choice] = ("ThingIt", "ThingIt"), [FieldKind.Identifier] = ("UUID", "UUID"),
        [FieldKind.Reference] = ("ID", "ID"), [FieldKind.Money] = ("Money", "MoneyInput"), [FieldKind.List] = ("[String]", "[String!]"), [FieldKind.Group] = ("ThingIt", "ThingItInput"),
        [FieldKind.Map] = ("JSON", "JSON"), [FieldKind.Json] = ("JSON", "JSON"),
    };

    [Fact]
    public void Every_kind_of_field_has_a_type_to_return_and_a_type_to_send()
    {
        foreach (var kind in Enum.GetValues<FieldKind>())
        {
            var field = new FieldDescriptor { Name = "it", Kind = kind, Choices = ["one"], Element = new() { Name = "element", Kind = FieldKind.Text }, Fields = [new() { Name = "inner", Kind = FieldKind.Text }] };
            var types = new RecordTypes([]);

            Assert.Equal(Expected[kind], (types.Output(field, "Thing").ToString()!, types.Input(field, "Thing").ToString()!));
        }
    }

    [Theory]
    [InlineData("Date", "\"2030-01-31\"", true)]
    [InlineData("Date", "\"31.1.2030\"", false)]
    [InlineData("Date", "20300131", false)]
    [InlineData("DateTime", "\"2030-01-31T17:30:00Z\"", true)]
    [InlineData("DateTime", "\"soon\"", false)]
    [InlineData("Time", "\"17:30\"", true)]
    [InlineData("Time", "\"25:00\"", false)]
    [InlineData("Decimal", "\"12.30\"", true)]
    [InlineData("Decimal", "12.30", true)]
    [InlineData("Decimal", "\"twelve\"", false)]
    [InlineData("Decimal", "true", false)]
    [InlineData("Long", "9223372036854775807", true)]
    [InlineData("Long", "9223372036854775808", false)]
    [InlineData("Long", "1.5", false)]
    [InlineData("Long", "\"1\"", false)]
    [InlineData("UUID", "\"0190c6f0-0000-7000-8000-000000000001\"", true)]
    [InlineData("UUID", "\"1\"", false)]
    [InlineData("JSON", "{\"a\":[1,null]}", true)]
    public void Scalars_take_their_form_and_refuse_others(string scalar, string json, bool taken)
    {
        var type = new[] { FieldScalars.Date, FieldScalars.DateTime, FieldScalars.Time, FieldScalars.Decimal, FieldScalars.Long, FieldScalars.Uuid, FieldScalars.Any }.Single(s => s.Name == scalar);

        Assert.Equal(taken, Nexus.Gateway.GraphQL.Execution.InputValues.Coerce(JsonElement.Parse(json), type) != Nexus.Gateway.GraphQL.Execution.InputLiterals.Missing);
    }

    [Theory]
    [InlineData("finance.ledger", "FinanceLedger", "financeLedger")]
    [InlineData("order-lines", "OrderLines", "orderLines")]
    [InlineData("3d.prints", "N3dPrints", "n3dPrints")]
    public void Names_are_made_of_the_words_of_an_id(string id, string pascal, string camel) =>
        Assert.Equal((pascal, camel), (GraphNames.Pascal(id), GraphNames.Camel(id)));

    [Theory]
    [InlineData("in-progress", "in_progress")]
    [InlineData("3rd", "_3rd")]
    [InlineData("true", "_true")]
    [InlineData("Paid", "Paid")]
    public void Words_of_a_choice_become_values_of_an_enum(string word, string member) => Assert.Equal(member, GraphNames.Word(word));
}
