using System.Collections.Immutable;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    [Theory]
    [InlineData("""{"n":0,"s":"","b":false}""")]
    [InlineData("""{"big":9223372036854775807,"bigger":123456789012345678901234567890.123456789,"e":1.50e-7}""")]
    [InlineData("""{"unicode":"Zürich – 東京 🚀","escaped":"\u00e9\"\\","nested":{"a":[1,{"b":null}]}}""")]
    [InlineData("null")]
    [InlineData("0")]
    [InlineData("\"\"")]
    [InlineData("[]")]
    public async Task What_is_stored_is_read_back_byte_for_byte(string json)
    {
        await CommitAsync(Put("a", json, table: IStorage.Documents));

        Assert.Equal(json, Text(await FindAsync("a", IStorage.Documents)));
    }

    [Fact]
    public async Task A_record_keeps_its_columns_and_its_creation_time()
    {
        var created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(678_901);
        var record = new StoredRecord { Id = "a", Revision = 1, Owner = "ada", Team = "sales", CreatedAt = created, UpdatedAt = created, SchemaVersion = 3, Json = "{}"u8.ToArray() };
        await CommitAsync(new RecordWrite { Key = new RecordKey(Tenant, Table, "a"), ExpectedRevision = 0, Record = record });
        await CommitAsync(new RecordWrite { Key = new RecordKey(Tenant, Table, "a"), ExpectedRevision = 1, Record = record with { Revision = 2, CreatedAt = default, UpdatedAt = created.AddHours(1) } });

        var found = await FindAsync("a");

        Assert.Equal((2L, "ada", "sales", created, created.AddHours(1), 3), (found!.Revision, found.Owner, found.Team, found.CreatedAt, found.UpdatedAt, found.SchemaVersion));
    }

    [Fact]
    public async Task An_absent_record_is_null_in_a_known_and_in_an_unknown_table()
    {
        await CommitAsync(Put("a", "{}"));

        Assert.Null(await FindAsync("b"));
        Assert.Null(await FindAsync("a", "crm.unknown"));
        Assert.Empty(await IdsAsync(Query() with { Table = "crm.unknown" }));
    }

    [Fact]
    public async Task Tenants_do_not_see_each_other()
    {
        // Not in one batch: tenants may lie in different databases.
        await CommitAsync(Put("a", "1", tenant: "t1"));
        await CommitAsync(Put("a", "2", tenant: "t2"));

        Assert.Equal(("1", "2"), (Text(await FindAsync("a", tenant: "t1")), Text(await FindAsync("a", tenant: "t2"))));
        Assert.Single(await IdsAsync(Query() with { Tenant = "t1" }));
    }

    [Fact]
    public async Task A_create_of_an_existing_key_is_a_conflict_that_tells_the_revision()
    {
        await CommitAsync(Put("a", "{}"));

        var conflict = await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("a", """{"x":1}""")));

        Assert.Equal(("a", 1L, null, ErrorCodes.Conflict), (conflict.Key.Id, conflict.CurrentRevision, conflict.UniqueFields, conflict.Code));
        Assert.Equal("{}", Text(await FindAsync("a")));
    }

    [Fact]
    public async Task A_write_on_another_revision_is_a_conflict()
    {
        await CommitAsync(Put("a", "1"));
        await CommitAsync(Put("a", "2", expected: 1));

        Assert.Equal(2, (await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("a", "3", expected: 1)))).CurrentRevision);
        Assert.Equal(2, (await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Remove("a", expected: 1)))).CurrentRevision);
        Assert.Equal(0, (await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("b", "3", expected: 4)))).CurrentRevision);
        Assert.Equal("2", Text(await FindAsync("a")));
    }

    [Fact]
    public async Task Without_a_condition_the_revision_goes_on_from_the_current_one()
    {
        await CommitAsync(Put("a", "1", expected: null));
        await CommitAsync(Put("a", "2", expected: null));
        await CommitAsync(Remove("b"));

        Assert.Equal((2L, "2"), ((await FindAsync("a"))!.Revision, Text(await FindAsync("a"))));
    }

    [Fact]
    public async Task A_batch_with_one_failing_condition_writes_nothing()
    {
        await CommitAsync(Put("a", "1"));

        await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("b", "1"), Remove("a", 1), Put("c", "1", expected: 7)));

        Assert.Null(await FindAsync("b"));
        Assert.NotNull(await FindAsync("a"));
    }

    [Fact]
    public async Task A_batch_sees_its_own_writes_in_order()
    {
        await CommitAsync(Put("a", "1"), Put("a", "2", expected: 1), Remove("a", 2), Put("a", "3"));

        Assert.Equal((1L, "3"), ((await FindAsync("a"))!.Revision, Text(await FindAsync("a"))));
    }

    [Fact]
    public async Task Of_concurrent_writers_on_one_revision_exactly_one_wins_and_failures_disturb_nobody()
    {
        await CommitAsync(Put("shared", "0"));

        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            try
            {
                await Task.Yield();
                await CommitAsync(Put($"own-{i}", "{}"), Put("shared", $"{i}", expected: 1));
                return true;
            }
            catch (StorageConflictException)
            {
                await CommitAsync(Put($"after-{i}", "{}"));
                return false;
            }
        }));

        Assert.Equal(1, results.Count(won => won));
        Assert.Single(await IdsAsync(Query() with { KeyPrefix = "own-" }));
        Assert.Equal(199, (await IdsAsync(Query() with { KeyPrefix = "after-" })).Length);
    }

    [Fact]
    public async Task Positions_of_commits_grow()
    {
        var first = await CommitAsync(Put("a", "1"));
        var second = await CommitAsync(Put("b", "1"));

        Assert.True(second.Sequence > first.Sequence);
    }

    [Fact]
    public async Task A_unique_index_refuses_equal_values_of_one_tenant_but_not_nulls()
    {
        await DeclareAsync([new IndexDescriptor(["email"], Unique: true), new IndexDescriptor(["first", "last"], Unique: true)]);
        await CommitAsync(Put("a", """{"email":"a@x","first":"A","last":"B"}"""));

        var conflict = await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("z", "{}"), Put("b", """{"email":"a@x"}""")));
        var pair = await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("b", """{"first":"A","last":"B"}""")));
        await CommitAsync(Put("c", """{"email":null,"first":"A"}"""), Put("d", """{"email":null,"first":"A"}"""));
        await CommitAsync(Put("e", """{"email":"a@x"}""", tenant: "t2"));

        Assert.Equal(("email", ErrorCodes.UniqueViolation), (conflict.UniqueFields, conflict.Code));
        Assert.Equal("first, last", pair.UniqueFields);
        Assert.Null(await FindAsync("z"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public async Task Keys_that_cannot_be_stored_are_refused(string id) =>
        Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<NexusException>(() => CommitAsync(Put(id, "{}")))).Code);

    [Fact]
    public async Task A_table_name_cannot_smuggle_in_sql() =>
        Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<NexusException>(() => CommitAsync(Put("a", "{}", table: "x\"; DROP TABLE documents; --")))).Code);
}
