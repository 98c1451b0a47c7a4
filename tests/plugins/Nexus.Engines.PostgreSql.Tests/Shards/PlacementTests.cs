namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>What lies where, and what the start finds wrong.</summary>
public sealed class PlacementTests
{
    private static readonly string[] Counts = ["SELECT count(*) FROM \"crm.people\"", "SELECT count(*) FROM events", "SELECT count(*) FROM audit_queue", "SELECT count(*) FROM tasks", "SELECT count(*) FROM own_databases WHERE tenant='acme'"];

    [Fact]
    public async Task What_a_unit_stores_for_a_tenant_lies_whole_in_its_database()
    {
        var (first, second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using var databases = await Databases.OpenAsync(first, ("beta", second, ["acme"]));
        await databases.Set.DeclareAsync([]);
        var made = await databases.Set.Records.CommitAsync(Whole("acme", "a"), CancellationToken.None);
        await databases.Set.Sql.Get("crm", "acme").WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE t (id integer)"));

        var here = await Task.WhenAll(Counts.Select(sql => Databases.CountAsync(first, sql)));
        var there = await Task.WhenAll(Counts.Select(sql => Databases.CountAsync(second, sql)));
        Assert.Equal("0 0 0 0 0, 1 1 1 1 1", $"{string.Join(' ', here)}, {string.Join(' ', there)}");
        Assert.NotNull(await databases.Records.FindAsync(new RecordKey("acme", "crm.people", "a"), CancellationToken.None));
        Assert.Null(await databases.Records.FindAsync(new RecordKey("globex", "crm.people", "a"), CancellationToken.None));
        Assert.Equal((0, 1), (databases.Records.ShardOf("globex"), databases.Records.ShardOf("acme")));
        Assert.True(made.Sequence > 0);
    }

    [Theory]
    [InlineData("record")]
    [InlineData("event")]
    [InlineData("task")]
    [InlineData("audit")]
    public async Task A_unit_over_two_databases_is_refused_and_leaves_nothing(string second)
    {
        var (one, two) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using var databases = await Databases.OpenAsync(one, ("beta", two, ["acme"]));
        var (mine, other) = (new WriteBatch { Writes = [Opened.Put("a", "{}", tenant: "acme")] }, Whole("globex", "b"));
        var crossing = second switch
        {
            "record" => mine with { Writes = [.. mine.Writes, .. other.Writes] },
            "event" => mine with { Events = other.Events },
            "task" => mine with { Tasks = other.Tasks },
            _ => mine with { Audit = other.Audit },
        };

        var refused = await Assert.ThrowsAsync<NexusException>(() => databases.Records.CommitAsync(crossing, CancellationToken.None).AsTask());

        Assert.Equal(("SHARD_CROSSED", 422), (refused.Code, ErrorCodes.Get(refused.Code).Status));
        Assert.Contains("crm.people of tenant acme lies in beta", refused.Message, StringComparison.Ordinal);
        Assert.Contains("of tenant globex in default", refused.Message, StringComparison.Ordinal);
        Assert.Null(await databases.Records.FindAsync(new RecordKey("acme", "crm.people", "a"), CancellationToken.None));
    }

    [Fact]
    public async Task A_tenant_of_which_something_is_stored_cannot_be_placed_elsewhere()
    {
        var (first, second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using (var one = await Databases.OpenAsync(first))
            await one.Set.CommitAsync(Opened.Put("a", "{}", tenant: "acme"));

        Assert.Contains("acme lies in default, and the configuration says beta", await RefusedAsync(first, ("beta", second, ["acme"])), StringComparison.Ordinal);
        await using (var two = await Databases.OpenAsync(first, ("beta", second, ["globex"])))
            await two.Set.CommitAsync(Opened.Put("a", "{}", tenant: "globex"));
        Assert.Contains("globex lies in beta, and the configuration says default", await RefusedAsync(first, ("beta", second, [])), StringComparison.Ordinal);
        Assert.Contains("does not name beta", await RefusedAsync(first), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_leads_elsewhere_is_found_at_the_start()
    {
        var (first, second, third) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using (await Databases.OpenAsync(first, ("beta", second, ["acme"]), ("gamma", third, [])))
        {
        }

        Assert.Contains("leads to the database of gamma", await RefusedAsync(first, ("beta", third, ["acme"]), ("gamma", second, [])), StringComparison.Ordinal);
        Assert.Contains("leads to another database than before", await RefusedAsync(first, ("beta", await PostgreSqlServer.DatabaseAsync(), ["acme"]), ("gamma", third, [])), StringComparison.Ordinal);
        Assert.Contains("The database is that of the shard beta", await RefusedAsync(second), StringComparison.Ordinal);
        Assert.Contains("the database of default", await RefusedAsync(first, ("beta", first, ["acme"]), ("gamma", third, [])), StringComparison.Ordinal);
        await using var again = await Databases.OpenAsync(first, ("beta", second, ["acme"]), ("gamma", third, []));
        Assert.Equal(1, again.Records.ShardOf("acme"));
    }

    [Fact]
    public async Task Everything_wrong_with_the_map_is_told_at_once_and_no_address_is_shown()
    {
        var message = await RefusedAsync("Host=127.0.0.1;Port=1", ("alpha", "", ["default", "acme"]), ("beta", "Host=secret", ["acme"]), ("default", "Host=secret", []));

        Assert.Contains("database.shards.alpha.connectionString: the address of the database is missing.", message, StringComparison.Ordinal);
        Assert.Contains("database.shards.alpha.tenants: the tenant default lies in the platform's own database.", message, StringComparison.Ordinal);
        Assert.Contains("database.shards.beta.tenants: the tenant acme lies in alpha already.", message, StringComparison.Ordinal);
        Assert.Contains("database.shards.default: the name default is that of the platform's own database.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    private static WriteBatch Whole(string tenant, string id) => new()
    {
        Writes = [Opened.Put(id, "{}", tenant: tenant)],
        Events = [new EventMessage { Name = "crm.people.created", Tenant = tenant }],
        Tasks = [new TaskEntry { Task = "crm.report", Tenant = tenant }],
        Audit = [new AuditEntry { At = DateTimeOffset.UnixEpoch, Tenant = tenant, Actor = "ada", Action = "crm.people.created" }],
    };

    private static async Task<string> RefusedAsync(string first, params (string Name, string Address, string[] Tenants)[] shards)
    {
        var refused = await Assert.ThrowsAsync<NexusException>(() => Databases.OpenAsync(first, shards));
        Assert.Equal("CONFIG_VALIDATION_ERROR", refused.Code);
        return refused.Message;
    }
}
