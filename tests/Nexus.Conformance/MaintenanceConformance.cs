namespace Nexus.Conformance;

/// <summary>What every engine must do that offers <see cref="StorageSet.Maintenance"/>.</summary>
public abstract partial class StorageConformance
{
    /// <summary>Drops an index behind the engine's back, or returns false for an engine without.</summary>
    protected virtual ValueTask<bool> DropIndexAsync(string name) => ValueTask.FromResult(false);

    /// <summary>Spoils the full-text index of <c>crm.people</c> behind the engine's back, or returns false.</summary>
    protected virtual ValueTask<bool> SpoilSearchAsync() => ValueTask.FromResult(false);

    [Fact]
    public async Task A_full_text_index_that_was_spoilt_is_made_anew_from_the_records()
    {
        await BooksAsync(("a", "tea", "and cups"), ("b", "coffee", "and tea"));
        if (Set.Maintenance is not { } maintenance || !await SpoilSearchAsync())
            return;

        Assert.Equal("", await SortedAsync("tea"));
        Assert.True(await maintenance.RebuildSearchAsync(Descriptor([], ["title", "body"]), CancellationToken.None));
        Assert.Equal("ab", await SortedAsync("tea"));
        await CommitAsync(Put("c", """{"title":"tea","body":""}"""));
        Assert.Equal("abc", await SortedAsync("tea"));
        Assert.False(await maintenance.RebuildSearchAsync(Descriptor([]), CancellationToken.None));
        Assert.False(await maintenance.RebuildSearchAsync(Descriptor([], ["title"]) with { Name = "nobody" }, CancellationToken.None));
    }

    [Fact]
    public async Task Declared_indexes_are_listed_with_their_sizes_and_a_dropped_one_is_made_again()
    {
        var declared = Descriptor([new IndexDescriptor(["age"]), new IndexDescriptor(["email"], Unique: true)]);
        await DeclareAsync(declared.Indexes);
        await CommitAsync([.. Enumerable.Range(0, 500).Select(i => Put($"{i}", $$"""{"age":{{i}},"email":"p{{i}}@x"}"""))]);
        if (Set.Maintenance is not { } maintenance)
        {
            Assert.False(await DropIndexAsync("any"));
            return;
        }

        var table = Assert.Single((await maintenance.DescribeAsync([declared], CancellationToken.None)).Tables);
        Assert.Equal(("crm.people", "age", "email", true), (table.Name, table.Indexes[0].Fields[0], table.Indexes[1].Fields[0], table.Indexes[1].Unique));
        Assert.All(table.Indexes, i => Assert.True(i.IsThere && i.Bytes is null or > 0));
        Assert.Empty(await maintenance.OptimizeAsync([declared], CancellationToken.None));
        if (!await DropIndexAsync(table.Indexes[1].Name))
            return;

        Assert.False(Assert.Single((await maintenance.DescribeAsync([declared], CancellationToken.None)).Tables).Indexes[1].IsThere);
        Assert.Equal([table.Indexes[1].Name], await maintenance.OptimizeAsync([declared], CancellationToken.None));
        Assert.True(Assert.Single((await maintenance.DescribeAsync([declared], CancellationToken.None)).Tables).Indexes[1].IsThere);
        Assert.Equal(ErrorCodes.UniqueViolation, (await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("x", """{"email":"p1@x"}""")))).Code);
    }
}
