using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Sqlite;

public sealed class FailureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-failure-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<StorageSet> OpenAsync() => new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(_folder), CancellationToken.None).AsTask();

    private static RecordWrite Write(string id, string json = "{}") => new()
    {
        Key = new RecordKey(CallContext.DefaultTenant, "t.r", id),
        ExpectedRevision = 0,
        Record = new StoredRecord { Id = id, Revision = 1, Json = System.Text.Encoding.UTF8.GetBytes(json) },
    };

    [Fact]
    public async Task A_schema_change_that_a_crash_cut_off_between_its_files_is_undone_or_finished_by_whichever_version_starts_next()
    {
        var table = new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "person", Fields = [new FieldDescriptor { Name = "email", Kind = FieldKind.Text }], Indexes = [] };
        var indexed = table with { Indexes = [new IndexDescriptor(["email"])] };
        var (first, second) = (new SqlMigration(1, "1.sql", "CREATE TABLE a (x)"), new SqlMigration(2, "2.sql", "CREATE TABLE b (y)"));
        var (file, before) = (Path.Combine(_folder, "sql", "crm.db"), Path.Combine(_folder, "before"));
        await ChangeAsync(new SchemaRequest("crm", [table], [first]));
        File.Copy(file, before);
        await ChangeAsync(new SchemaRequest("crm", [indexed], [first, second]));
        // The main file has the change, the SQL file does not: what a crash between the two commits leaves.
        File.Copy(before, file, overwrite: true);

        Assert.Equal((0, false), await ChangeAsync(new SchemaRequest("crm", [table], [first])));
        Assert.Equal((1, true), await ChangeAsync(new SchemaRequest("crm", [indexed], [first, second])));

        async Task<(int Indexes, bool Migrated)> ChangeAsync(SchemaRequest request)
        {
            await using var set = await OpenAsync();
            await using (var change = await set.Schema.BeginAsync(request, CancellationToken.None))
                await change.CommitAsync(CancellationToken.None);
            var indexes = ((SqliteRecords)set.Records).File.Read(0, static (c, _) => (int)c.Scalar("SELECT COUNT(*) FROM sqlite_master WHERE type='index' AND name LIKE 'crm.people$index$%'")!.Value);
            return (indexes, !(await set.Sql.Get("crm", "default").QueryAsync("SELECT 1 AS one FROM sqlite_master WHERE name='b'")).IsEmpty);
        }
    }

    [Fact]
    public async Task A_new_folder_is_its_users_own_and_one_that_exists_keeps_its_mode()
    {
        if (OperatingSystem.IsWindows())
            return;

        var (fresh, chosen) = (Path.Combine(_folder, "a", "fresh"), Directory.CreateDirectory(Path.Combine(_folder, "chosen"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute).FullName);
        foreach (var folder in new[] { fresh, chosen })
            await (await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(folder), CancellationToken.None)).DisposeAsync();

        Assert.Equal("UserExecute, UserWrite, UserRead", File.GetUnixFileMode(fresh).ToString());
        Assert.Equal("GroupExecute, GroupRead, UserExecute, UserWrite, UserRead", File.GetUnixFileMode(chosen).ToString());
    }

    [Fact]
    public async Task A_blob_that_a_crash_left_without_its_reference_is_removed_at_the_start()
    {
        string orphan = new string('a', 64), notes = Path.Combine(_folder, "blobs", "readme.txt");
        BlobReference kept;
        await using (var set = await OpenAsync())
            kept = await set.Blobs.Get("p", "t").PutAsync(new MemoryStream([1, 2, 3]));
        Directory.CreateDirectory(Path.Combine(_folder, "blobs", "aa"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "blobs", "aa", orphan), "left behind");
        await File.WriteAllTextAsync(notes, "not ours");

        await using var again = await OpenAsync();
        await using var stream = await again.Blobs.Get("p", "t").OpenAsync(kept.Sha256);

        Assert.False(File.Exists(Path.Combine(_folder, "blobs", "aa", orphan)));
        Assert.True(File.Exists(notes));
        Assert.Equal(3, stream!.Length);
    }

    [Fact]
    public async Task A_folder_that_another_process_holds_is_refused_with_its_pid()
    {
        await using var first = await OpenAsync();

        var refused = await Assert.ThrowsAsync<NexusException>(OpenAsync);

        Assert.Equal($"{_folder} is in use by another Nexus process (pid {Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}). Stop that process, or set database.directory to another folder.", refused.Message);
    }

    [Fact]
    public async Task A_damaged_file_is_named_and_left_alone()
    {
        var file = Path.Combine(_folder, "nexus.db");
        await File.WriteAllTextAsync(file, new string('x', 10_000));

        var refused = await Assert.ThrowsAsync<NexusException>(OpenAsync);

        Assert.Equal(ErrorCodes.StorageCorrupt, refused.Code);
        Assert.StartsWith($"{file} is damaged", refused.Message, StringComparison.Ordinal);
        Assert.Equal(10_000, new FileInfo(file).Length);
        await Assert.ThrowsAsync<NexusException>(OpenAsync);
    }

    [Fact]
    public async Task A_folder_that_is_a_file_is_named()
    {
        var path = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(path, "");

        var refused = await Assert.ThrowsAsync<NexusException>(() => new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(path), CancellationToken.None).AsTask());

        Assert.Equal(ErrorCodes.StorageUnavailable, refused.Code);
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_fails_the_commit_with_file_and_way_out_and_the_node_goes_on()
    {
        await using var set = await OpenAsync();
        await set.Records.CommitAsync(new WriteBatch { Writes = [Write("before")] }, CancellationToken.None);
        var file = ((SqliteRecords)set.Records).File;
        await file.Writer.RunAsync(c => c.Scalar("PRAGMA page_count") is { } pages && c.Scalar($"PRAGMA max_page_count={pages + 10}") is not null);

        var full = await Assert.ThrowsAsync<NexusException>(() => set.Records.CommitAsync(new WriteBatch { Writes = [Write("big", $"\"{new string('x', 500_000)}\"")] }, CancellationToken.None).AsTask());
        await set.Records.CommitAsync(new WriteBatch { Writes = [Write("after")] }, CancellationToken.None);

        Assert.Equal((ErrorCodes.StorageUnavailable, $"The disk with {file.Path} is full; nothing of the change was stored. Free space there; the node goes on by itself."), (full.Code, full.Message));
        Assert.Null(await set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "t.r", "big"), CancellationToken.None));
    }

    [Fact]
    public async Task Everything_is_there_after_a_restart_and_positions_grow_on()
    {
        CommitResult first;
        BlobReference blob;
        await using (var set = await OpenAsync())
        {
            first = await set.Records.CommitAsync(new WriteBatch { Writes = [Write("a")], Events = [new EventMessage { Name = "a.b" }] }, CancellationToken.None);
            blob = await set.Blobs.Get("p", "t").PutAsync(new MemoryStream([1, 2, 3]));
            await set.Events.DeclareAsync("p", [new EventGroup("g", "*", 0)], CancellationToken.None);
        }

        await using var again = await OpenAsync();
        var second = await again.Records.CommitAsync(new WriteBatch { Writes = [Write("b")], Events = [new EventMessage { Name = "c.d" }] }, CancellationToken.None);

        Assert.True(second.Sequence > first.Sequence);
        Assert.Equal(["a.b", "c.d"], (await again.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events.Select(e => e.Message.Name));
        Assert.Equal("c.d", (await again.Events.ClaimAsync(new DeliveryClaim(["g"], 9, TimeSpan.FromMinutes(1), TimeSpan.Zero), CancellationToken.None)).Single().Message.Name);
        await using var stream = await again.Blobs.Get("p", "t").OpenAsync(blob.Sha256);
        Assert.Equal(3, stream!.Length);
    }

    [Fact]
    public async Task Tables_of_a_schema_change_that_a_crash_cut_off_are_gone_after_a_restart()
    {
        var set = await OpenAsync();
        await set.Schema.BeginAsync(new SchemaRequest("crm", [new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Search = ["name"] }], []), CancellationToken.None);
        await set.DisposeAsync();

        await using var again = await OpenAsync();

        Assert.Null(await ((SqliteRecords)again.Records).File.Writer.RunAsync(c => c.Scalar("SELECT 1 FROM sqlite_master WHERE name LIKE 'crm.%'")));
    }

    [Fact]
    public async Task A_job_that_fails_after_it_wrote_takes_only_itself_out_of_the_group()
    {
        await using var set = await OpenAsync();
        var file = ((SqliteRecords)set.Records).File;
        using var gate = new ManualResetEventSlim();
        var blocker = file.Writer.RunAsync(_ => gate.Wait(TimeSpan.FromSeconds(30)));
        var commits = Enumerable.Range(0, 30).Select(i => set.Records.CommitAsync(new WriteBatch { Writes = [Write($"{i}"), Write(i % 5 == 0 ? $"{i}" : $"{i}x")] }, CancellationToken.None).AsTask()).ToList();
        gate.Set();
        await blocker;

        var failed = 0;
        foreach (var commit in commits)
        {
            try
            {
                await commit;
            }
            catch (StorageConflictException)
            {
                failed++;
            }
        }

        var page = await set.Records.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "t.r", Limit = 100 }, CancellationToken.None);
        Assert.Equal((6, 48), (failed, page.Records.Length));
    }

    [Fact]
    public async Task An_unknown_engine_is_refused_with_the_known_ones()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("database:type", "oracle")]).Build();
        await using var services = new ServiceCollection().AddNexusData(configuration).BuildServiceProvider();

        Assert.Equal("database.type is 'oracle'; known are memory, sqlite.", (await Assert.ThrowsAsync<NexusException>(() => StorageOpener.OpenAsync(services))).Message);
    }

    [Fact]
    public async Task The_ports_are_singletons_of_the_host_once_the_storage_is_open()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("database:directory", _folder)]).Build();
        await using (var services = new ServiceCollection().AddNexusData(configuration).BuildServiceProvider())
        {
            Assert.Throws<InvalidOperationException>(() => services.GetRequiredService<IStorage>());
            var set = await StorageOpener.OpenAsync(services);

            Assert.Equal(HealthLevel.Healthy, (await set.CheckHealth(CancellationToken.None)).Status);
            Assert.Same(set.Records, services.GetRequiredService<IStorage>());
            Assert.Same(set.Events, services.GetRequiredService<IEventStore>());
            Assert.Same(set.Sql, services.GetRequiredService<ISqlDatabases>());
            Assert.Same(set.Blobs, services.GetRequiredService<IBlobStore>());
            Assert.Same(set.Schema, services.GetRequiredService<ISchemaChanges>());
        }

        await using var free = await OpenAsync();
    }

    [Fact]
    public async Task Thirty_two_committers_share_fsyncs()
    {
        await using var set = await OpenAsync();
        async Task<double> RateAsync(int committers, int each)
        {
            var started = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, committers).Select(c => Task.Run(async () =>
            {
                for (var i = 0; i < each; i++)
                    await set.Records.CommitAsync(new WriteBatch { Writes = [Write($"{Guid.NewGuid()}", """{"number":"INV-1","total":12}""")] }, CancellationToken.None);
            })));
            return committers * each / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        await RateAsync(2, 50);
        // A machine that stalls makes either slow; one that shares no fsync is never faster together.
        var (alone, together) = (1.0, 0.0);
        for (var round = 0; round < 5 && together <= alone * 1.5; round++)
            (alone, together) = (await RateAsync(1, 300), await RateAsync(32, 300));

        TestContext.Current.TestOutputHelper!.WriteLine($"alone {alone:0}/s, 32 together {together:0}/s, ratio {together / alone:0.0}");
        Assert.True(together > alone * 1.5, $"alone {alone:0}/s, 32 together {together:0}/s");
    }
}
