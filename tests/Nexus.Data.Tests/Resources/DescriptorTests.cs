using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using static Nexus.Data.Tests.Resources.InvoiceStatus;

namespace Nexus.Data.Tests.Resources;

public sealed class DescriptorTests
{
    [Fact]
    public void A_record_type_becomes_fields_with_their_limits()
    {
        var fields = new Shop().Resources[0].Fields.ToDictionary(f => f.Name);

        Assert.Equal(["number", "total", "dueOn", "status", "pin", "customer", "fee", "sentAt", "days", "urgent", "weight", "at", "span", "external", "big", "wish", "lines", "rates", "extra"], new Shop().Resources[0].Fields.Select(f => f.Name));
        Assert.Equal((FieldKind.Text, true, 2, 20, "[A-Z0-9-]+"), (fields["number"].Kind, fields["number"].Required, fields["number"].MinLength, fields["number"].MaxLength, fields["number"].Pattern));
        Assert.Equal((FieldKind.Decimal, 0m, 1000000m), (fields["total"].Kind, fields["total"].Minimum, fields["total"].Maximum));
        Assert.Equal((FieldKind.Choice, true, false, "\"Draft\""), (fields["status"].Kind, fields["status"].ReadOnly, fields["status"].Required, fields["status"].Default));
        Assert.Equal(["Draft", "Sent", "Paid"], fields["status"].Choices);
        Assert.Equal((FieldKind.Reference, "customers", true), (fields["customer"].Kind, fields["customer"].Target, fields["customer"].Nullable));
        Assert.Equal(("7", true), (fields["days"].Default, fields["pin"].Secret));
        Assert.Equal((FieldKind.List, FieldKind.Group, "text"), (fields["lines"].Kind, fields["lines"].Element!.Kind, fields["lines"].Element!.Fields[0].Name));
        Assert.Equal((FieldKind.Map, FieldKind.Decimal), (fields["rates"].Kind, fields["rates"].Element!.Kind));
    }

    [Fact]
    public void A_type_without_a_field_kind_is_refused_with_its_property_and_what_is_allowed()
    {
        var error = Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Unfit>("unfits"));

        Assert.Equal(ErrorCodes.PluginLoadFailed, error.Code);
        Assert.StartsWith("Plugin shop, Unfit.When: DateTime is not a type of field. Allowed are string, bool,", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_that_contains_itself_is_refused() =>
        Assert.Contains("Loop.Next", Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Looped>("loops")).Message, StringComparison.Ordinal);

    [Fact]
    public void An_action_or_resource_name_must_be_kebab_case()
    {
        Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Customer>("Customers"));
        Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Customer>("customers", c => c.Action("Do It", x => x)));
    }

    [Fact]
    public void A_secret_field_is_neither_indexed_nor_searched()
    {
        Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Invoice>("invoices", i => i.Index(x => x.Pin)));
        Assert.Throws<NexusException>(() => new TestBuilder("shop").AddResource<Invoice>("invoices", i => i.Search(x => x.Pin)));
    }

    [Fact]
    public void The_sample_of_the_guide_declares_an_action()
    {
        var plugin = new TestBuilder("shop");

        plugin.AddResource<Invoice>("invoices", invoices => invoices
            .Index(i => i.DueOn).Search(i => i.Number)
            .Action("pay", i => i.Status == Sent ? i with { Status = Paid } : throw new RuleViolationException($"Invoice {i.Number} is {i.Status}; only a Sent invoice can become Paid.")));

        var descriptor = plugin.Services.Select(s => s.ImplementationInstance).OfType<ResourceContribution>().Single().Descriptor;
        Assert.Equal(("dueOn", "number", "pay"), (descriptor.Indexes[0].Fields[0], descriptor.Search[0], descriptor.Actions[0].Name));
    }

    [Fact]
    public void Conditions_become_filters()
    {
        var day = new DateOnly(2026, 1, 31);
        InvoiceStatus[] open = [Draft, Sent];

        Assert.Equal("""{"$and":[{"total":{"$gt":5}},{"status":{"$eq":"Sent"}}]}""", FilterJson.Write(new Specification<Invoice>(i => i.Total > 5 && i.Status == Sent).Filter));
        Assert.Equal("""{"$or":[{"dueOn":{"$lte":"2026-01-31"}},{"$not":{"urgent":{"$eq":true}}}]}""", FilterJson.Write(new Specification<Invoice>(i => day >= i.DueOn || !i.Urgent).Filter));
        Assert.Equal("""{"status":{"$in":["Draft","Sent"]}}""", FilterJson.Write(new Specification<Invoice>(i => open.Contains(i.Status)).Filter));
        Assert.Equal("""{"$not":{"wish":{"$eq":"Paid"}}}""", FilterJson.Write(new Specification<Invoice>(i => i.Wish == Paid).Not().Filter));
        Assert.Equal("""{"fee":{"$ne":null}}""", FilterJson.Write(new Specification<Invoice>(i => i.Fee != null).Filter));
        Assert.Throws<NotSupportedException>(() => new Specification<Invoice>(i => i.Number.Length > 3));
    }

    [Theory]
    [InlineData("""{"nope":1}""", "is not a field of invoices")]
    [InlineData("""{"pin":"1"}""", "is not a field of invoices")]
    [InlineData("""{"days":{"$gt":"x"}}""", "is compared with numbers")]
    [InlineData("""{"urgent":{"$gt":true}}""", "is compared with $eq, $ne, $in only")]
    [InlineData("""{"dueOn":{"$gt":"soon"}}""", "is compared with yyyy-MM-dd")]
    [InlineData("""{"lines":"x"}""", "is compared with null only")]
    public async Task A_filter_that_does_not_fit_the_resource_is_refused(string filter, string expected)
    {
        var shop = new Shop();

        var error = await Assert.ThrowsAsync<NexusException>(async () => await shop.Operations.ListAsync(shop.Call(), new() { Filter = FilterJson.Parse(filter) }, default));

        Assert.Equal(ErrorCodes.FilterInvalid, error.Code);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Filter_values_are_brought_to_the_stored_form_and_limits_are_clamped()
    {
        var shop = new Shop();
        await shop.CreateAsync("""{"number":"A-1","total":1,"dueOn":"2026-01-31","sentAt":"2026-01-31T12:00:00Z","days":5}""");

        var page = await shop.Operations.ListAsync(shop.Call(), new() { Filter = FilterJson.Parse("""{"sentAt":"2026-01-31T13:00:00+01:00","days":{"$gte":"5"}}"""), Limit = 5000 }, default);

        Assert.Single(page.Records);
        Assert.Equal(1000, shop.Fake.Queries[^1].Limit);
    }

    private sealed record Unfit(DateTime When) : Resource;

    private sealed record Looped(Loop Start) : Resource;

    private sealed record Loop(Loop? Next, int Length);
}
