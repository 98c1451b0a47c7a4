using System.Text;

namespace Nexus.Data.Tests.Resources;

public sealed class ChangeAuditTests
{
    [Fact]
    public async Task Each_change_leaves_one_entry_with_what_differs_and_masks_what_is_secret()
    {
        var shop = new Shop();
        shop.Trail.IsKept = true;
        var id = await shop.NewAsync();
        await shop.ChangeAsync(ChangeKind.Merge, id, """{"number":"B-2","pin":"9999"}""");
        await shop.ChangeAsync(ChangeKind.Action, id, "", action: "send");
        await shop.ChangeAsync(ChangeKind.Delete, id, "");

        Assert.Equal(["shop.invoices.created", "shop.invoices.updated", "shop.invoices.send", "shop.invoices.deleted"], shop.Fake.Audit.Select(a => a.Action));
        Assert.All(shop.Fake.Audit, a => Assert.Equal(("ann", $"invoices/{id}", AuditResult.Success, "test"), (a.Actor, a.Subject, a.Result, a.CorrelationId)));
        Assert.Equal("""{"revision":2,"changes":{"number":{"old":"A-1","new":"B-2"},"pin":{"old":"***","new":"***"}}}""", Detail(shop, 1));
        Assert.Equal("""{"revision":3,"changes":{"status":{"old":"Draft","new":"Sent"}}}""", Detail(shop, 2));
        Assert.Contains("\"total\":{\"new\":10.50}", Detail(shop, 0), StringComparison.Ordinal);
        Assert.Contains("\"pin\":{\"old\":\"***\"}", Detail(shop, 3), StringComparison.Ordinal);
        Assert.All(shop.Fake.Audit, a => Assert.DoesNotContain("1234", Encoding.UTF8.GetString(a.Detail.Span), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_refused_change_leaves_no_entry_of_a_change()
    {
        var shop = new Shop();
        shop.Trail.IsKept = true;

        Assert.NotNull((await shop.CreateAsync("{}")).Error);

        Assert.Empty(shop.Fake.Audit);
    }

    [Fact]
    public async Task Without_a_trail_nothing_is_composed()
    {
        var shop = new Shop();
        await shop.NewAsync();

        Assert.Empty(shop.Fake.Audit);
    }

    private static string Detail(Shop shop, int index) => Encoding.UTF8.GetString(shop.Fake.Audit[index].Detail.Span);
}
