using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Data.Tests.Resources;

public sealed class ResourceOperationsTests
{
    [Fact]
    public async Task A_created_record_is_stored_in_wire_order_with_defaults()
    {
        var shop = new Shop();

        var result = await shop.CreateAsync("""{"dueOn":"2026-01-31","total":10.50,"number":"A-1"}""");

        Assert.Null(result.Error);
        Assert.Matches("""^\{"id":"[0-9a-f-]{36}","revision":1,"owner":"ann","team":"red","createdAt":"[^"]+Z","updatedAt":"[^"]+Z","number":"A-1","total":10.50,"dueOn":"2026-01-31","status":"Draft","customer":null,"fee":null,"sentAt":null,"days":7,"urgent":false,"weight":null,"at":null,"span":null,"external":null,"big":null,"wish":null,"lines":\[\],"rates":\{\},"extra":null\}$""", Encoding.UTF8.GetString(result.Record!.Json.Span));
    }

    [Fact]
    public async Task A_read_returns_what_was_created()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var record = await shop.Operations.FindAsync(shop.Call(), id.ToUpperInvariant(), default);

        Assert.Equal("A-1", Json.Of(record).GetProperty("number").GetString());
        Assert.Null(await shop.Operations.FindAsync(shop.Call(), "nonsense", default));
    }

    [Fact]
    public async Task Secret_fields_are_stored_and_never_returned_nor_published()
    {
        var shop = new Shop();

        string id = await shop.NewAsync();
        var read = await shop.Operations.FindAsync(shop.Call(), id, default);
        var list = await shop.Operations.ListAsync(shop.Call(), new(), default);
        var patched = await shop.ChangeAsync(ChangeKind.Merge, id, """{"days":3}""");
        var replaced = await shop.ChangeAsync(ChangeKind.Replace, id, """{"number":"A-2","total":1,"dueOn":"2026-01-31"}""");

        Assert.Contains("\"pin\":\"1234\"", shop.Fake.Raw("shop.invoices", id), StringComparison.Ordinal);
        Assert.All(new[] { read, list.Records[0], patched.Record, replaced.Record }, r => Assert.DoesNotContain("1234", Encoding.UTF8.GetString(r!.Json.Span), StringComparison.Ordinal));
        Assert.All(shop.Fake.Events, e => Assert.DoesNotContain("1234", Encoding.UTF8.GetString(e.Data.Span), StringComparison.Ordinal));
        var filter = new Filter.Compare("pin", FilterOperator.Equal, JsonSerializer.SerializeToElement("1234"));
        var error = await Assert.ThrowsAsync<NexusException>(async () => await shop.Operations.ListAsync(shop.Call(), new() { Filter = filter }, default));
        Assert.Equal(ErrorCodes.FilterInvalid, error.Code);
    }

    [Fact]
    public async Task Each_change_publishes_an_event_in_the_same_batch()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        await shop.ChangeAsync(ChangeKind.Merge, id, """{"days":3}""");
        await shop.ChangeAsync(ChangeKind.Action, id, "", action: "send");
        await shop.ChangeAsync(ChangeKind.Delete, id, "");

        Assert.Equal(["shop.invoices.created", "shop.invoices.updated", "shop.invoices.send", "shop.invoices.deleted"], shop.Fake.Events.Select(e => e.Name));
        Assert.Equal(0, shop.Fake.Count("shop.invoices"));
        Assert.Equal(2, JsonDocument.Parse(shop.Fake.Events[1].Data).RootElement.GetProperty("revision").GetInt64());
    }

    [Fact]
    public async Task A_replace_accepts_the_record_as_it_was_read_and_refuses_changed_platform_fields()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();
        string body = Encoding.UTF8.GetString((await shop.Operations.FindAsync(shop.Call(), id, default))!.Json.Span);

        var same = await shop.ChangeAsync(ChangeKind.Replace, id, body);
        var forged = await shop.ChangeAsync(ChangeKind.Replace, id, """{"owner":"eve","status":"Paid","number":"A-1","total":1,"dueOn":"2026-01-31"}""");

        Assert.Null(same.Error);
        Assert.Equal(2, same.Record!.Revision);
        Assert.Equal(["/owner read_only", "/status read_only"], forged.Error!.Errors.Select(e => $"{e.Pointer} {e.Code}"));
    }

    [Fact]
    public async Task A_stale_revision_is_refused()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();
        await shop.ChangeAsync(ChangeKind.Merge, id, """{"days":3}""");

        var stale = await shop.ChangeAsync(ChangeKind.Merge, id, """{"days":4}""", revision: 1);

        Assert.Equal(ErrorCodes.PreconditionFailed, stale.Error!.Code);
    }

    [Fact]
    public async Task Concurrent_patches_lose_nothing_and_leave_no_gap_in_revisions()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => shop.ChangeAsync(ChangeKind.Merge, id, $$$"""{"rates":{"k{{{i}}}":{{{i}}}}}""")));

        Assert.All(results, r => Assert.Null(r.Error));
        Assert.Equal(Enumerable.Range(2, 32).Select(i => (long)i), results.Select(r => r.Record!.Revision).Order());
        Assert.Equal(32, Json.Of(await shop.Operations.FindAsync(shop.Call(), id, default)).GetProperty("rates").EnumerateObject().Count());
    }

    [Fact]
    public async Task Of_concurrent_patches_on_one_revision_exactly_one_is_done()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => shop.ChangeAsync(ChangeKind.Merge, id, $$"""{"days":{{i}}}""", revision: 1)));

        Assert.Single(results, r => r.Error is null);
        Assert.Equal(31, results.Count(r => r.Error?.Code == ErrorCodes.PreconditionFailed));
    }

    [Fact]
    public async Task An_idempotency_key_replays_the_answer_and_refuses_another_request()
    {
        var shop = new Shop();
        const string body = """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""";

        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => shop.ChangeAsync(ChangeKind.Create, null, body, key: "k1")));
        var other = await Assert.ThrowsAsync<NexusException>(() => shop.ChangeAsync(ChangeKind.Create, null, body, key: "k1", fingerprint: "g"));

        Assert.Single(results.Select(r => r.Id).Distinct());
        Assert.Equal(7, results.Count(r => r.Replayed));
        Assert.Equal(results.First(r => !r.Replayed).Record!.Json.ToArray(), results.First(r => r.Replayed).Record!.Json.ToArray());
        Assert.Equal(1, shop.Fake.Count("shop.invoices"));
        Assert.Equal(ErrorCodes.IdempotencyConflict, other.Code);
    }

    [Fact]
    public async Task Overlapping_requests_with_one_key_run_the_rules_once()
    {
        int runs = 0;
        var shop = new Shop(i => i.BeforeWrite(x => { Interlocked.Increment(ref runs); return x; }));

        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => shop.ChangeAsync(ChangeKind.Create, null, """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""", key: "k1")));

        Assert.Equal((1, 7), (runs, results.Count(r => r.Replayed)));
    }

    [Fact]
    public async Task A_refused_request_leaves_its_idempotency_key_free()
    {
        var shop = new Shop();

        var refused = await shop.ChangeAsync(ChangeKind.Create, null, "{}", key: "k1");
        var done = await shop.ChangeAsync(ChangeKind.Create, null, """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""", key: "k1", fingerprint: "g");

        Assert.Equal(ErrorCodes.ValidationError, refused.Error!.Code);
        Assert.Null(done.Error);
    }

    [Fact]
    public async Task An_atomic_batch_is_done_as_a_whole_or_not_at_all()
    {
        var shop = new Shop();
        ResourceChange New(string number) => new() { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes($$"""{"number":"{{number}}","total":1,"dueOn":"2026-01-31"}""") };

        var refused = await shop.Operations.ChangeAsync(shop.Call(), [New("A-1"), New("bad!"), New("A-3")], atomic: true, default);
        var done = await shop.Operations.ChangeAsync(shop.Call(), [New("A-1"), New("A-2")], atomic: true, default);

        Assert.Equal([ErrorCodes.Conflict, ErrorCodes.ValidationError, ErrorCodes.Conflict], refused.Select(r => r.Error!.Code));
        Assert.All(done, r => Assert.Null(r.Error));
        Assert.Equal(2, shop.Fake.Count("shop.invoices"));
        Assert.Equal(1, shop.Fake.Commits);
    }

    [Fact]
    public async Task A_batch_that_is_not_atomic_answers_item_by_item()
    {
        var shop = new Shop();
        ResourceChange New(string number) => new() { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes($$"""{"number":"{{number}}","total":1,"dueOn":"2026-01-31"}""") };

        var results = await shop.Operations.ChangeAsync(shop.Call(), [New("A-1"), New("bad!"), New("A-3")], atomic: false, default);

        Assert.Equal([true, false, true], results.Select(r => r.Error is null));
        Assert.Equal("A-3", Json.Of(results[2].Record).GetProperty("number").GetString());
    }

    [Fact]
    public async Task Scopes_own_and_team_hide_the_records_of_others()
    {
        var shop = new Shop();
        string ann = await shop.NewAsync(caller: Shop.Ann);
        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Team;
        shop.Authorization.Scopes["shop.invoices:update"] = AccessScope.Own;

        Assert.NotNull(await shop.Operations.FindAsync(shop.Call(Shop.Bob), ann, default));
        Assert.Null(await shop.Operations.FindAsync(shop.Call(Shop.Cid), ann, default));
        Assert.Single((await shop.Operations.ListAsync(shop.Call(Shop.Bob), new(), default)).Records);
        Assert.Empty((await shop.Operations.ListAsync(shop.Call(Shop.Cid), new(), default)).Records);
        Assert.Equal(ErrorCodes.PermissionDenied, (await shop.ChangeAsync(ChangeKind.Merge, ann, "{}", Shop.Bob)).Error!.Code);
        Assert.Equal(ErrorCodes.ResourceNotFound, (await shop.ChangeAsync(ChangeKind.Merge, ann, "{}", Shop.Cid)).Error!.Code);
        Assert.Null((await shop.ChangeAsync(ChangeKind.Merge, ann, "{}", Shop.Ann)).Error);

        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.None;
        var denied = await Assert.ThrowsAsync<NexusException>(async () => await shop.Operations.FindAsync(shop.Call(), ann, default));
        Assert.Equal(ErrorCodes.PermissionDenied, denied.Code);
    }

    [Fact]
    public async Task Actions_change_read_only_fields_and_their_rules_speak()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var early = await shop.ChangeAsync(ChangeKind.Action, id, "", action: "pay");
        await shop.ChangeAsync(ChangeKind.Action, id, "", action: "send");
        var paid = await shop.ChangeAsync(ChangeKind.Action, id, "", action: "pay");

        Assert.Equal("Invoice A-1 is Draft; only a Sent invoice can become Paid.", early.Error!.Message);
        Assert.Equal("Paid", Json.Of(paid.Record).GetProperty("status").GetString());
        Assert.Contains("\"pin\":\"1234\"", shop.Fake.Raw("shop.invoices", id), StringComparison.Ordinal);
        Assert.Equal(0, shop.Lease.Held);
    }

    [Fact]
    public async Task The_input_of_an_action_is_validated_and_defaulted()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var wrong = await shop.ChangeAsync(ChangeKind.Action, id, """{"carier":"UPS","parcels":"x"}""", action: "ship");
        var right = await shop.ChangeAsync(ChangeKind.Action, id, """{"carrier":"UPS"}""", action: "ship");

        Assert.Equal(["/carier unknown_field", "/carrier required", "/parcels type"], wrong.Error!.Errors.Select(e => $"{e.Pointer} {e.Code}"));
        Assert.Equal("UPS-1", Json.Of(right.Record).GetProperty("number").GetString());
    }

    [Fact]
    public async Task A_rule_that_throws_or_hangs_changes_nothing_and_tells_nothing()
    {
        var throws = new Shop(i => i.BeforeWrite(_ => throw new InvalidOperationException("the password is hunter2")));
        using var release = new ManualResetEventSlim();
        var hangs = new Shop(i => i.BeforeWrite(x => { release.Wait(TimeSpan.FromMinutes(1), CancellationToken.None); return x; }), TimeSpan.FromMilliseconds(50));
        const string body = """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""";

        var broken = await throws.CreateAsync(body);
        var late = await hangs.CreateAsync(body);
        release.Set();

        Assert.Equal(ErrorCodes.InternalError, broken.Error!.Code);
        Assert.DoesNotContain("hunter2", broken.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ErrorCodes.RequestTimeout, late.Error!.Code);
        Assert.Equal(0, throws.Fake.Commits + hangs.Fake.Commits);
    }

    [Fact]
    public async Task The_time_in_which_the_process_stood_still_is_not_the_rules()
    {
        using var release = new ManualResetEventSlim();
        var asked = 0;
        // The limit ends while the process stands still, and the rule goes on when it does.
        TimeSpan Stood()
        {
            if (asked++ > 0)
                release.Set();
            return asked == 1 ? TimeSpan.Zero : TimeSpan.FromMinutes(1);
        }

        var shop = new Shop(i => i.BeforeWrite(x => { release.Wait(TimeSpan.FromMinutes(1), CancellationToken.None); return x; }), TimeSpan.FromMilliseconds(50), Stood);

        var result = await shop.CreateAsync("""{"number":"A-1","total":1,"dueOn":"2026-01-31"}""");

        Assert.Null(result.Error);
        Assert.Equal(1, shop.Fake.Commits);
    }

    [Fact]
    public async Task A_refusal_of_the_plugins_own_exception_type_leaves_as_the_platforms_own()
    {
        var shop = new Shop(i => i.BeforeWrite(_ => throw new OwnException()));

        var result = await shop.CreateAsync("""{"number":"A-1","total":1,"dueOn":"2026-01-31"}""");

        Assert.Equal((typeof(NexusException), ErrorCodes.RuleViolation, "No."), (result.Error!.GetType(), result.Error.Code, result.Error.Message));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"nonsense\":1}")]
    public async Task A_rule_that_returns_garbage_is_an_internal_error(string garbage)
    {
        var shop = new Shop();
        var call = shop.Call();
        call = call with { Resource = call.Resource with { BeforeWrite = (_, _, _) => new(Encoding.UTF8.GetBytes(garbage)) } };
        var change = new ResourceChange { Kind = ChangeKind.Create, Body = """{"number":"A-1","total":1,"dueOn":"2026-01-31"}"""u8.ToArray() };

        var result = (await shop.Operations.ChangeAsync(call, [change], false, default))[0];

        Assert.Equal(ErrorCodes.InternalError, result.Error!.Code);
    }

    [Fact]
    public async Task References_must_exist()
    {
        var shop = new Shop();
        string customer = (await shop.ChangeAsync(ChangeKind.Create, null, """{"name":"Ada"}""", resource: "customers")).Id!;

        var good = await shop.CreateAsync($$"""{"number":"A-1","total":1,"dueOn":"2026-01-31","customer":"{{customer}}"}""");
        var bad = await shop.CreateAsync("""{"number":"A-1","total":1,"dueOn":"2026-01-31","customer":"00000000-0000-7000-8000-000000000001"}""");

        Assert.Null(good.Error);
        Assert.Equal("/customer reference", $"{bad.Error!.Errors[0].Pointer} {bad.Error.Errors[0].Code}");
    }

    [Fact]
    public async Task A_repository_reads_and_writes_typed_records()
    {
        var shop = new Shop();
        var invoices = shop.Services.GetRequiredService<IRepository<Invoice>>();

        var made = await invoices.CreateAsync(new Invoice("A-1", 12.30m, new(2026, 1, 31)) { Fee = new(1.50m, "EUR"), Status = InvoiceStatus.Sent, Pin = "99" });
        var changed = await invoices.UpdateAsync(made with { Total = 13m });
        var stale = await Assert.ThrowsAsync<NexusException>(async () => await invoices.UpdateAsync(made with { Total = 14m }));
        var found = await invoices.ListAsync(new Specification<Invoice>(i => i.Total > 5 && i.Status == InvoiceStatus.Sent).And(new(i => i.Number.StartsWith("A-"))));

        Assert.Equal((1, 2, InvoiceStatus.Sent, new Money(1.50m, "EUR")), (made.Revision, changed.Revision, changed.Status, changed.Fee));
        Assert.Contains("\"pin\":\"99\"", shop.Fake.Raw("shop.invoices", made.Id.ToString()), StringComparison.Ordinal);
        Assert.Equal(ErrorCodes.PreconditionFailed, stale.Code);
        Assert.Equal(13m, Assert.Single(found.Records).Total);
        Assert.True(await invoices.DeleteAsync(made.Id));
        Assert.False(await invoices.DeleteAsync(made.Id));
    }

    [Fact]
    public async Task Records_of_an_older_version_are_upgraded_when_they_are_read()
    {
        var shop = new Shop(i => i.Version(2, (_, _) => """{"number":"NEW","total":2,"dueOn":"2026-01-31"}"""u8.ToArray()));
        const string id = "01890000-0000-7000-8000-000000000001";
        shop.Fake.Put("shop.invoices", new() { Id = id, Revision = 4, Json = Encoding.UTF8.GetBytes($$"""{"id":"{{id}}","revision":4,"nr":"old"}""") });

        var read = await shop.Operations.FindAsync(shop.Call(), id, default);
        var patched = await shop.ChangeAsync(ChangeKind.Merge, id, """{"days":1}""");

        Assert.Equal(("NEW", 4L), (Json.Of(read).GetProperty("number").GetString(), read!.Revision));
        Assert.Equal((5L, 2), (patched.Record!.Revision, patched.Record.SchemaVersion));
    }

    [Fact]
    public async Task A_change_that_meets_a_draining_generation_runs_on_the_next_one()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();
        shop.Lease.Draining = true;

        var stopped = await shop.ChangeAsync(ChangeKind.Action, id, "", action: "send");
        shop.Next = new FakeGeneration(shop.Services);
        var moved = await shop.ChangeAsync(ChangeKind.Action, id, "", action: "send");

        Assert.Equal(ErrorCodes.ServiceUnavailable, stopped.Error!.Code);
        Assert.Equal("Sent", Json.Of(moved.Record).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_read_only_field_without_a_default_does_not_lock_its_record()
    {
        var plugin = new TestBuilder("shop");
        plugin.AddResource<Ticket>("tickets");
        var shop = new Shop();
        var call = shop.Call() with { Resource = plugin.Services.Select(s => s.ImplementationInstance).OfType<ResourceContribution>().Single().Descriptor };

        var made = (await shop.Operations.ChangeAsync(call, [new() { Kind = ChangeKind.Create, Body = """{"title":"a"}"""u8.ToArray() }], false, default))[0];
        var patched = (await shop.Operations.ChangeAsync(call, [new() { Kind = ChangeKind.Merge, Id = made.Id, Body = """{"title":"b"}"""u8.ToArray() }], false, default))[0];

        Assert.Null(patched.Error);
        Assert.EndsWith("\"title\":\"b\",\"code\":null,\"closedOn\":\"0001-01-01\"}", Encoding.UTF8.GetString(patched.Record!.Json.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_are_kept_for_a_day_and_then_removed()
    {
        var clock = new FakeClock(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var shop = new Shop(time: clock);
        const string body = """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""";
        var first = await shop.ChangeAsync(ChangeKind.Create, null, body, key: "k");
        clock.Now += TimeSpan.FromHours(23);
        var replayed = await shop.ChangeAsync(ChangeKind.Create, null, body, key: "k");
        clock.Now += TimeSpan.FromHours(2);

        for (int i = 0; i < 500; i++)
        {
            await shop.ChangeAsync(ChangeKind.Create, null, body, key: $"other {i}");
        }

        var anew = await shop.ChangeAsync(ChangeKind.Create, null, body, key: "k");
        Assert.True(replayed.Replayed);
        Assert.NotEqual(first.Id, anew.Id);
        Assert.Equal(501, shop.Fake.Count(IStorage.Answers));
    }

    private sealed class OwnException() : NexusException(ErrorCodes.RuleViolation, "No.");

    private sealed record Ticket(string Title, [property: ReadOnlyField] string Code, [property: ReadOnlyField] DateOnly ClosedOn) : Resource;
}
