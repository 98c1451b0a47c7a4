using Microsoft.Extensions.Configuration;
using Nexus.Data.Tests.Resources;

namespace Nexus.Data.Tests.Audit;

/// <summary>Who read what, and whom a record's scope kept out.</summary>
public sealed class AccessTrailTests
{
    [Fact]
    public async Task Reads_of_records_with_protected_fields_are_audited_in_one_commit_together_and_those_of_others_are_not()
    {
        var shop = New();
        var ann = await PersonAsync(shop, "ann@x.org");
        var bob = await PersonAsync(shop, "bob@x.org");
        var customer = (await shop.ChangeAsync(ChangeKind.Create, null, """{"name":"Cora"}""", resource: "customers")).Id!;
        var (entries, commits) = (shop.Fake.Audit.Count, shop.Fake.Commits);

        for (var i = 0; i < 50; i++)
            Assert.NotNull(await shop.Operations.FindAsync(shop.Call(Shop.Bob, "people"), ann, CancellationToken.None));
        await shop.Operations.ListAsync(shop.Call(Shop.Bob, "people"), new ResourceQuery(), CancellationToken.None);
        await shop.Operations.FindAsync(shop.Call(Shop.Bob, "customers"), customer, CancellationToken.None);
        await shop.Operations.ListAsync(shop.Call(Shop.Bob, "customers"), new ResourceQuery(), CancellationToken.None);
        await shop.Operations.FindAsync(shop.Call(Caller.System, "people"), ann, CancellationToken.None);
        await shop.Accesses.DisposeAsync();

        var read = shop.Fake.Audit.Skip(entries).ToList();
        Assert.Equal(51, read.Count);
        Assert.All(read.Take(50), e => Assert.Equal(("shop.people.read", $"people/{ann}", "bob", AuditResult.Success), (e.Action, e.Subject, e.Actor, e.Result)));
        Assert.Equal(("shop.people.listed", "people"), (read[50].Action, read[50].Subject));
        Assert.Equal($$"""{"count":2,"ids":[{{string.Join(',', new[] { ann, bob }.Order(StringComparer.Ordinal).Select(i => $"\"{i}\""))}}]}""", System.Text.Encoding.UTF8.GetString(read[50].Detail.Span));
        Assert.InRange(shop.Fake.Commits - commits, 1, 5);
    }

    [Theory]
    [InlineData("none", "", "", "")]
    [InlineData("all", "", "", "customers,people")]
    [InlineData("protected", "shop.customers", "", "customers,people")]
    [InlineData("none", "shop.*", "shop.people", "customers")]
    public async Task The_operator_says_whose_reads_are_audited(string byDefault, string on, string off, string expected)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["audit:reads:default"] = byDefault, ["audit:reads:on:0"] = on, ["audit:reads:off:0"] = off }).Build();
        var shop = New(settings);
        var person = await PersonAsync(shop, "a@x.org");
        var customer = (await shop.ChangeAsync(ChangeKind.Create, null, """{"name":"Cora"}""", resource: "customers")).Id!;
        var before = shop.Fake.Audit.Count;

        await shop.Operations.FindAsync(shop.Call(resource: "customers"), customer, CancellationToken.None);
        await shop.Operations.FindAsync(shop.Call(resource: "people"), person, CancellationToken.None);
        await shop.Accesses.DisposeAsync();

        Assert.Equal(expected, string.Join(',', shop.Fake.Audit.Skip(before).Select(e => e.Subject!.Split('/')[0])));
    }

    [Fact]
    public async Task A_switch_takes_effect_when_the_configuration_is_read_again()
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection().Build();
        var shop = New(settings);
        var person = await PersonAsync(shop, "a@x.org");
        var before = shop.Fake.Audit.Count;
        await shop.Operations.FindAsync(shop.Call(resource: "people"), person, CancellationToken.None);
        settings["audit:reads:default"] = "none";
        settings.Reload();

        await shop.Operations.FindAsync(shop.Call(resource: "people"), person, CancellationToken.None);
        await shop.Accesses.DisposeAsync();

        Assert.Equal(before + 1, shop.Fake.Audit.Count);
    }

    [Fact]
    public async Task Whom_the_scope_of_a_record_keeps_out_leaves_an_entry_also_when_he_is_told_that_there_is_none()
    {
        var shop = New();
        var invoice = await shop.NewAsync(caller: Shop.Ann);
        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Own;
        shop.Authorization.Scopes["shop.invoices:update"] = AccessScope.Own;
        shop.Authorization.Scopes["shop.invoices:delete"] = AccessScope.None;
        var before = shop.Fake.Audit.Count;

        Assert.Null(await shop.Operations.FindAsync(shop.Call(Shop.Cid), invoice, CancellationToken.None));
        var changed = await shop.ChangeAsync(ChangeKind.Merge, invoice, """{"total":1}""", Shop.Cid);
        var deleted = await shop.ChangeAsync(ChangeKind.Delete, invoice, "", Shop.Ann);
        Assert.Null(await shop.Operations.FindAsync(shop.Call(Shop.Cid), Guid.CreateVersion7().ToString(), CancellationToken.None));
        await shop.Accesses.DisposeAsync();

        Assert.Equal((ErrorCodes.ResourceNotFound, ErrorCodes.PermissionDenied), (changed.Error!.Code, deleted.Error!.Code));
        Assert.Equal(
            [$"cid invoices/{invoice} {{\"permission\":\"shop.invoices:read\"}}", $"cid invoices/{invoice} {{\"permission\":\"shop.invoices:update\"}}", "ann shop.invoices {\"permission\":\"shop.invoices:delete\"}"],
            shop.Fake.Audit.Skip(before).Select(e => $"{e.Actor} {e.Subject} {System.Text.Encoding.UTF8.GetString(e.Detail.Span)}"));
        Assert.All(shop.Fake.Audit.Skip(before), e => Assert.Equal(("auth.access.denied", AuditResult.Denied), (e.Action, e.Result)));
    }

    [Fact]
    public async Task Without_a_plugin_that_seals_the_trail_reads_leave_nothing()
    {
        var shop = New();
        var person = await PersonAsync(shop, "a@x.org");
        shop.Trail.IsKept = false;
        var commits = shop.Fake.Commits;

        await shop.Operations.FindAsync(shop.Call(resource: "people"), person, CancellationToken.None);
        await shop.Accesses.DisposeAsync();

        Assert.Equal(commits, shop.Fake.Commits);
    }

    private static Shop New(IConfiguration? reads = null)
    {
        var shop = new Shop(reads: reads);
        shop.Trail.IsKept = true;
        return shop;
    }

    private static async Task<string> PersonAsync(Shop shop, string email) =>
        (await shop.ChangeAsync(ChangeKind.Create, null, $$"""{"name":"n","email":"{{email}}"}""", resource: "people")).Id!;
}
