using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Sqlite;

public sealed class AuditQueueTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-audit-queue-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_row_of_one_entry_as_earlier_versions_wrote_it_is_read_and_what_comes_after_it_follows()
    {
        var path = Path.Combine(_folder, "nexus.db");
        MainFile.Open(path, TimeProvider.System).Dispose();
        using (var earlier = Connection.OpenWriter(path))
        {
            using var insert = earlier.Prepare("INSERT INTO audit_queue (position,entry) VALUES (7,?1)");
            insert.BindBlob(1, AuditEncoding.Encode(Entry("earlier"))).Step();
        }

        using var file = MainFile.Open(path, TimeProvider.System);
        var job = new CommitJob(file, new WriteBatch { Audit = [Entry("later"), Entry("last")] });
        file.Writer.Post(job);
        await job.Task;

        var read = await file.Audit.ReadAsync(0, 10, CancellationToken.None);
        Assert.Equal([("earlier", 7L), ("later", 8L), ("last", 9L)], read.Select(e => (e.Entry.Action, e.Position)));
    }

    private static AuditEntry Entry(string action) => new() { At = DateTimeOffset.UnixEpoch, Tenant = "default", Actor = "ann", Action = action };
}
