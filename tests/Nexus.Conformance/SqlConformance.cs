using System.Collections.Immutable;
using System.Text;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly SqlMigration First = new(1, "0001_init.sql", "CREATE TABLE accounts (id INTEGER PRIMARY KEY, code TEXT UNIQUE, amount TEXT); INSERT INTO accounts VALUES (1,'cash','1.10');");
    private static readonly SqlMigration Second = new(2, "0002_rate.sql", "ALTER TABLE accounts ADD COLUMN rate REAL;\nCREATE INDEX by_amount ON accounts (amount); -- done");

    private bool IsPostgreSql => Database.Dialect == "postgresql";

    private ISqlDatabase Database => Set.Sql.Get("ledger", Tenant);

    private static Dictionary<string, object?> With(params (string Name, object? Value)[] values) => values.ToDictionary(v => v.Name, v => v.Value);

    private ValueTask<ISchemaChange> BeginAsync(params SqlMigration[] migrations) => Set.Schema.BeginAsync(new SchemaRequest("ledger", [], [.. migrations]), CancellationToken.None);

    private async Task MigrateAsync(params SqlMigration[] migrations)
    {
        await using var change = await BeginAsync(migrations);
        await change.CommitAsync(CancellationToken.None);
    }

    private static ValueTask<int> InsertAsync(ISqlDatabase database, int id, string? code) =>
        database.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO accounts (id,code) VALUES (@id,@code)", With(("id", id), ("code", code))));

    private static async Task<string> DumpAsync(ISqlDatabase database)
    {
        var text = new StringBuilder();
        var tables = database.Dialect == "postgresql"
            ? "SELECT table_name AS name,'CREATE TABLE ' || string_agg(column_name || ' ' || data_type,',' ORDER BY ordinal_position) AS sql FROM information_schema.columns WHERE table_schema=current_schema() GROUP BY table_name UNION ALL SELECT indexname,indexdef FROM pg_indexes WHERE schemaname=current_schema() ORDER BY 1"
            : "SELECT name,sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid";
        foreach (var row in await database.QueryAsync(tables))
        {
            text.Append(row["sql"]).Append('\n');
            if (row["sql"] is string sql && sql.StartsWith("CREATE TABLE", StringComparison.Ordinal))
                text.AppendJoin('\n', (await database.QueryAsync($"SELECT * FROM {row["name"]}")).Select(r => string.Join('|', r.Values))).Append('\n');
        }

        return text.ToString();
    }

    [Fact]
    public async Task Values_of_sql_come_back_as_they_went_and_stay_data()
    {
        await MigrateAsync(First);
        await InsertAsync(Database, 7, "x'); DROP TABLE accounts; --");

        var row = (await Database.QueryAsync("SELECT code,id,amount,@real AS r,@bytes AS b,@yes AS y FROM accounts WHERE id=@id", With(("id", 7), ("real", 1.5), ("bytes", new byte[] { 1, 2 }), ("yes", true)))).Single();

        Assert.Equal(("x'); DROP TABLE accounts; --", 7L, null, 1.5, IsPostgreSql ? true : (object)1L), (row["code"], row["ID"], row["amount"], row["r"], row["y"]));
        Assert.Equal(new byte[] { 1, 2 }, row["b"]);
    }

    [Fact]
    public async Task A_unit_within_a_unit_joins_it_and_its_failure_takes_back_its_own_part_only()
    {
        await MigrateAsync(First);

        var limit = TimeSpan.FromSeconds(60);
        await Database.WriteAsync(async (outer, _) =>
        {
            await outer.ExecuteAsync("INSERT INTO accounts (id) VALUES (10)");
            await InsertAsync(Database, 11, "inner");
            await Assert.ThrowsAsync<NexusException>(async () => await InsertAsync(Database, 12, "inner"));
            Assert.Equal([1L, 10L, 11L], (await outer.QueryAsync("SELECT id FROM accounts ORDER BY id")).Select(r => r["id"]));
            return true;
        }).AsTask().WaitAsync(limit);
        await Assert.ThrowsAsync<FormatException>(() => Database.WriteAsync<bool>(async (_, _) =>
        {
            await InsertAsync(Database, 13, "lost");
            throw new FormatException();
        }).AsTask().WaitAsync(limit));
        var twice = await Record.ExceptionAsync(() => Database.WriteAsync(async (_, _) =>
        {
            await Task.WhenAll(Enumerable.Range(20, 2).Select(id => Database.WriteAsync(async (session, _) =>
            {
                await Task.Delay(50, CancellationToken.None);
                return await session.ExecuteAsync("INSERT INTO accounts (id) VALUES (@id)", With(("id", id)));
            }).AsTask()));
            return true;
        }).AsTask().WaitAsync(limit));

        Assert.Equal([1L, 10L, 11L], (await Database.QueryAsync("SELECT id FROM accounts ORDER BY id")).Select(r => r["id"]));
        Assert.StartsWith("Two units of work were begun at once", Assert.IsType<InvalidOperationException>(twice).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_unit_of_work_takes_only_itself_back()
    {
        await MigrateAsync(First);

        var results = await Task.WhenAll(Enumerable.Range(10, 60).Select(async i =>
        {
            try
            {
                await Task.Yield();
                await Database.WriteAsync(async (session, _) =>
                {
                    await session.ExecuteAsync("INSERT INTO accounts (id) VALUES (@id)", With(("id", i)));
                    session.Publish(Event("ledger.added") with { CorrelationId = $"{i}" });
                    return i % 3 == 0 ? throw new InvalidOperationException("no") : true;
                });
                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        }));

        Assert.Equal(40, results.Count(done => done));
        Assert.Equal(40L, (await Database.QueryAsync("SELECT count(*) AS n FROM accounts WHERE id>=10")).Single()["n"]);
        Assert.Equal(40, (await ReadEventsAsync("ledger.added", 40)).Select(e => e.Message.CorrelationId).Distinct().Count());
    }

    [Fact]
    public async Task A_unit_of_work_sees_those_before_it_and_a_read_sees_what_was_acknowledged()
    {
        await MigrateAsync(First);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Database.WriteAsync(async (session, _) =>
        {
            var next = (long)(await session.QueryAsync("SELECT max(id)+1 AS n FROM accounts")).Single()["n"]!;
            return await session.ExecuteAsync("INSERT INTO accounts (id) VALUES (@id)", With(("id", next)));
        }).AsTask()));

        Assert.Equal(51L, (await Database.QueryAsync("SELECT max(id) AS n FROM accounts")).Single()["n"]);
    }

    [Fact]
    public async Task A_unique_violation_of_sql_has_its_code()
    {
        await MigrateAsync(First);

        Assert.Equal(ErrorCodes.UniqueViolation, (await Assert.ThrowsAsync<NexusException>(async () => await InsertAsync(Database, 2, "cash"))).Code);
    }

    [Theory]
    [InlineData("sqlite", "ATTACH DATABASE '/tmp/x.db' AS x")]
    [InlineData("sqlite", "PRAGMA synchronous=OFF")]
    [InlineData("sqlite", "PRAGMA writable_schema=1")]
    [InlineData("sqlite", "COMMIT")]
    [InlineData("sqlite", "DELETE FROM nexus_migrations")]
    [InlineData("sqlite", "DROP TABLE nexus_outbox")]
    [InlineData("postgresql", "RESET ROLE")]
    [InlineData("postgresql", "SET search_path = nexus")]
    [InlineData("postgresql", "SELECT set_config('role','none',true)")]
    [InlineData("postgresql", "SELECT \"set_config\"('role','none',true)")]
    [InlineData("postgresql", "COMMIT")]
    [InlineData("postgresql", "/* a */ rollback")]
    [InlineData("postgresql", "COPY accounts TO '/tmp/x'")]
    [InlineData("postgresql", "CREATE ROLE other")]
    [InlineData("postgresql", "DO $$ BEGIN SET ROLE postgres; END $$")]
    [InlineData("postgresql", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'RESET ROLE'; END $x$")]
    [InlineData("postgresql", "SELECT * FROM nexus.documents")]
    [InlineData("postgresql", "SELECT * FROM \"plugin.other\".nexus_migrations")]
    [InlineData("postgresql", "DELETE FROM nexus_migrations")]
    [InlineData("postgresql", "DROP TABLE nexus_migrations")]
    public async Task A_plugin_cannot_leave_its_database_or_change_its_settings(string dialect, string sql)
    {
        if (Database.Dialect != dialect)
            return;
        await MigrateAsync(First);
        await Set.Sql.Get("other", Tenant).QueryAsync("SELECT 1 AS one");

        Assert.Equal(ErrorCodes.PluginPermissionDenied, (await Assert.ThrowsAsync<NexusException>(async () => await Database.WriteAsync((session, _) => session.ExecuteAsync(sql)))).Code);
        Assert.Equal(1L, (await Database.QueryAsync("SELECT count(*) AS n FROM nexus_migrations")).Single()["n"]);
    }

    [Fact]
    public async Task A_query_cannot_write()
    {
        await MigrateAsync(First);
        var copy = Path.Combine(Folder, "copy.db");

        await Assert.ThrowsAsync<NexusException>(async () => await Database.QueryAsync($"VACUUM INTO '{copy}'"));
        Assert.False(File.Exists(copy));

        Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<NexusException>(async () => await Database.QueryAsync("DELETE FROM accounts"))).Code);
    }

    [Fact]
    public async Task A_migration_is_seen_by_the_new_generation_alone_until_it_is_committed()
    {
        await MigrateAsync(First);
        await using var change = await BeginAsync(First, Second);
        await change.Database.WriteAsync((session, _) => session.ExecuteAsync("UPDATE accounts SET rate=2.5"));
        var waiting = InsertAsync(Database, 2, "late").AsTask();

        Assert.Equal(2.5, (await change.Database.QueryAsync("SELECT rate FROM accounts")).Single()["rate"]);
        // PostgreSQL locks a table that is altered against readers as well: there they wait, as writers do.
        var serving = Database.QueryAsync("SELECT * FROM accounts").AsTask();
        if (!IsPostgreSql)
            Assert.Equal(["id", "code", "amount"], (await serving).Single().Columns);
        Assert.False(waiting.IsCompleted);
        await change.CommitAsync(CancellationToken.None);
        Assert.Equal("id", (await serving.WaitAsync(TimeSpan.FromSeconds(60)))[0].Columns[0]);
        await waiting.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(2, (await Database.QueryAsync("SELECT rate FROM accounts")).Length);
        Assert.Equal(2, (await change.Database.QueryAsync("SELECT rate FROM accounts")).Length);
    }

    [Fact]
    public async Task An_undone_change_leaves_schema_and_rows_byte_for_byte()
    {
        await MigrateAsync(First);
        var before = await DumpAsync(Database);

        await using (var change = await BeginAsync(First, Second))
            await change.Database.WriteAsync((session, _) => session.ExecuteAsync("DELETE FROM accounts"));

        Assert.Equal(before, await DumpAsync(Database));
        await InsertAsync(Database, 5, "after");
    }

    [Fact]
    public async Task A_migration_that_fails_halfway_names_file_and_statement_and_leaves_nothing()
    {
        await MigrateAsync(First);
        var before = await DumpAsync(Database);

        var failure = await Assert.ThrowsAsync<NexusException>(async () => await BeginAsync(First, new SqlMigration(2, "0002_bad.sql", "CREATE TABLE fine (x INTEGER);\nINSERT INTO missing VALUES (1);")));

        Assert.Equal((ErrorCodes.MigrationFailed, $"Migration 0002_bad.sql of ledger: statement 2: {(IsPostgreSql ? "relation \"missing\" does not exist" : "no such table: missing")}. The data is as it was."), (failure.Code, failure.Message));
        Assert.Equal(before, await DumpAsync(Database));
    }

    [Fact]
    public async Task An_edited_or_missing_or_misnumbered_migration_is_refused_and_line_ends_are_no_edit()
    {
        await MigrateAsync(First, Second);

        foreach (var wrong in new[] { [First, Second with { Sql = "SELECT 1" }], [First], new[] { First, Second, new SqlMigration(4, "0004.sql", "SELECT 1") } })
            Assert.Equal(ErrorCodes.MigrationFailed, (await Assert.ThrowsAsync<NexusException>(async () => await BeginAsync(wrong))).Code);
        await MigrateAsync(First, Second with { Sql = Second.Sql.Replace("\n", "\r\n", StringComparison.Ordinal) });
    }

    [Fact]
    public async Task A_further_tenant_has_its_own_rows_under_the_same_schema()
    {
        await MigrateAsync(First);
        var other = Set.Sql.Get("ledger", "t2");
        await InsertAsync(other, 9, "t2");
        await MigrateAsync(First, Second);

        Assert.Equal(2, (await other.QueryAsync("SELECT rate FROM accounts")).Length);
        Assert.Single(await Database.QueryAsync("SELECT rate FROM accounts"));
    }

    [Fact]
    public async Task An_undone_change_drops_the_tables_it_made()
    {
        await using (await Set.Schema.BeginAsync(new SchemaRequest("crm", [Descriptor([new IndexDescriptor(["email"], Unique: true)], ["name"])], []), CancellationToken.None))
            await CommitAsync(Put("a", """{"email":"x","name":"Ada"}"""));

        Assert.Null(await FindAsync("a"));
        await CommitAsync(Put("b", """{"email":"x"}"""), Put("c", """{"email":"x"}"""));
    }

    [Fact]
    public async Task A_unique_index_over_equal_values_fails_the_change_and_leaves_the_table_writable()
    {
        await CommitAsync(Put("a", """{"email":"x"}"""), Put("b", """{"email":"x"}"""));

        Assert.Equal(ErrorCodes.MigrationFailed, (await Assert.ThrowsAsync<NexusException>(() => DeclareAsync([new IndexDescriptor(["email"], Unique: true)]))).Code);
        await CommitAsync(Put("c", """{"email":"x"}"""));
        await CommitAsync(Remove("a"), Remove("b"));
        await DeclareAsync([new IndexDescriptor(["email"], Unique: true)]);

        await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("d", """{"email":"x"}""")));
        await DeclareAsync([]);
        await CommitAsync(Put("d", """{"email":"x"}"""));
    }

    private async Task<ImmutableArray<StoredEvent>> ReadEventsAsync(string pattern, int count)
    {
        // The relay runs beside its unit of work, so the events come a moment after it.
        for (var i = 0; i < 200; i++)
        {
            var page = await Set.Events.ReadAsync(new EventQuery { Pattern = pattern, Limit = 1000 }, CancellationToken.None);
            if (page.Events.Length >= count)
                return page.Events;
            await Set.Events.ReadAsync(new EventQuery { AfterSequence = page.LastSequence + 1000, MaxWait = TimeSpan.FromMilliseconds(50) }, CancellationToken.None);
        }

        throw new TimeoutException($"Fewer than {count} events {pattern} came.");
    }
}
