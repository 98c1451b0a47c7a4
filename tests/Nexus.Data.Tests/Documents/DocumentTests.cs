using System.Text.Json.Nodes;
using Nexus.Data.Documents;
using Nexus.Data.Memory;

namespace Nexus.Data.Tests.Documents;

public sealed class DocumentTests : IAsyncLifetime
{
    private StorageSet _set = null!;
    private PluginDocuments _documents = null!;

    public async ValueTask InitializeAsync()
    {
        _set = await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(""), CancellationToken.None);
        _documents = new PluginDocuments(_set.Records, "finance.ledger", "plugins/business/finance.ledger", TimeProvider.System);
    }

    public ValueTask DisposeAsync() => _set.DisposeAsync();

    [Fact]
    public async Task Dots_and_slashes_name_the_same_place_and_the_stored_key_is_within_the_plugins_part()
    {
        await _documents.SetAsync("settings.theme", "dark");

        Assert.Equal("dark", await _documents.GetAsync<string>("settings/theme"));
        Assert.NotNull(await _set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, IStorage.Documents, "plugins/business/finance.ledger/data/settings/theme"), CancellationToken.None));
    }

    [Fact]
    public async Task Only_who_keeps_the_core_part_of_the_tree_addresses_it_and_others_get_a_part_of_that_name_of_their_own()
    {
        var keeper = new PluginDocuments(_set.Records, "core.identity", "plugins/core/core.identity", TimeProvider.System, core: true);

        await keeper.CommitAsync([new DocumentWrite("core/users/ada", 1, 0), new DocumentWrite("sessions/s", 2, 0)]);
        await _documents.SetAsync("core/users/eve", 3);

        Assert.Equal(["core/users/ada"], await keeper.ListAsync("core/users"));
        Assert.Equal(["sessions/s"], await keeper.ListAsync("sessions"));
        Assert.Null(await _documents.FindAsync("core/users/ada"));
        Assert.NotNull(await _set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, IStorage.Documents, "core/users/ada"), CancellationToken.None));
        Assert.Null(await _set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, IStorage.Documents, "core/users/eve"), CancellationToken.None));
    }

    [Theory]
    [InlineData("../config/x")]
    [InlineData("a/../../b")]
    [InlineData("a..b")]
    [InlineData("/core/settings")]
    [InlineData("a//b")]
    [InlineData("a/b/")]
    [InlineData("")]
    [InlineData("a%2f..")]
    [InlineData("a\\b")]
    public async Task A_path_that_leaves_the_part_or_is_none_is_refused(string path)
    {
        Assert.Equal(ErrorCodes.PathForbidden, (await Assert.ThrowsAsync<NexusException>(async () => await _documents.FindAsync(path))).Code);
        Assert.Equal(ErrorCodes.PathForbidden, (await Assert.ThrowsAsync<NexusException>(async () => await _documents.SetAsync(path, 1))).Code);
    }

    [Fact]
    public async Task Zero_empty_false_and_null_are_values_not_misses()
    {
        await _documents.SetAsync("zero", 0);
        await _documents.SetAsync("empty", "");
        await _documents.SetAsync("no", false);
        await _documents.SetAsync<string?>("nothing", null);

        Assert.True(await _documents.ExistsAsync("zero") && await _documents.ExistsAsync("empty") && await _documents.ExistsAsync("no") && await _documents.ExistsAsync("nothing"));
        Assert.Null((await _documents.FindAsync("nothing"))!.Value);
        Assert.False(await _documents.ExistsAsync("other"));
    }

    [Fact]
    public async Task A_document_is_deleted_once()
    {
        await _documents.SetAsync("a", 1);

        Assert.True(await _documents.DeleteAsync("a"));
        Assert.False(await _documents.DeleteAsync("a"));
    }

    [Fact]
    public async Task A_prefix_lists_whole_segments_and_fields_are_projected()
    {
        await _documents.SetAsync("a/b", new { x = new { y = 1, z = 2 }, w = 3 });
        await _documents.SetAsync("ab", 1);

        Assert.Equal(["a/b"], await _documents.ListAsync("a"));
        Assert.Equal(["a/b", "ab"], await _documents.ListAsync());
        Assert.Equal("""{"x":{"y":1}}""", (await _documents.QueryAsync(new DocumentQuery { Prefix = "a", Fields = ["x.y", "none"], Filter = FilterJson.Parse("""{"w":3}""") })).Documents.Single().Value!.ToJsonString());
    }

    [Fact]
    public async Task A_unit_of_work_commits_all_or_nothing_and_detects_what_changed_since_it_read()
    {
        await _documents.SetAsync("counter", 1);
        var unit = _documents.BeginUnitOfWork();
        unit.Set("counter", await unit.GetAsync<int>("counter") + 1);
        unit.Set("other", 1);
        Assert.Equal(2, await unit.GetAsync<int>("counter"));
        await _documents.SetAsync("counter", 10);

        await Assert.ThrowsAsync<StorageConflictException>(async () => await unit.CommitAsync());
        Assert.Equal((10, false), (await _documents.GetAsync<int>("counter"), await _documents.ExistsAsync("other")));

        var again = _documents.BeginUnitOfWork();
        again.Set("counter", await again.GetAsync<int>("counter") + 1);
        again.Publish(new EventMessage { Name = "counter.raised" });
        await again.CommitAsync();
        Assert.Equal(11, await _documents.GetAsync<int>("counter"));
        Assert.Single((await _set.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events);
    }

    [Fact]
    public async Task The_tenant_is_that_of_the_call()
    {
        await _documents.SetAsync("a", JsonValue.Create(1));
        CallContext.Current = CallContext.System with { Tenant = "t2" };

        Assert.False(await _documents.ExistsAsync("a"));
    }
}
