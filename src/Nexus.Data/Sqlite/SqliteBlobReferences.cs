using System.Collections.Immutable;
using Nexus.Data.Blobs;

namespace Nexus.Data.Sqlite;

/// <summary>Blob references in the main file.</summary>
internal sealed class SqliteBlobReferences(MainFile file) : IBlobReferences
{
    public async ValueTask AddAsync(string owner, string tenant, BlobReference blob) => await file.Writer.RunAsync(connection =>
    {
        using var add = connection.Prepare("INSERT INTO blobs VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING");
        add.Bind(1, owner).Bind(2, tenant).Bind(3, blob.Sha256).Bind(4, blob.Length).Step();
        return true;
    });

    public async ValueTask<(bool Removed, bool Last)> RemoveAsync(string owner, string tenant, string sha256) => await file.Writer.RunAsync(connection =>
    {
        using var remove = connection.Prepare("DELETE FROM blobs WHERE owner=?1 AND tenant=?2 AND sha256=?3");
        remove.Bind(1, owner).Bind(2, tenant).Bind(3, sha256).Step();
        var removed = connection.Changes > 0;
        using var others = connection.Prepare("SELECT 1 FROM blobs WHERE sha256=?1 LIMIT 1");
        return (removed, removed && !others.Bind(1, sha256).Step());
    });

    public bool Contains(string owner, string tenant, string sha256) => file.Read((owner, tenant, sha256), static (connection, key) =>
    {
        using var find = connection.Prepare("SELECT 1 FROM blobs WHERE owner=?1 AND tenant=?2 AND sha256=?3");
        return find.Bind(1, key.owner).Bind(2, key.tenant).Bind(3, key.sha256).Step();
    });

    public ImmutableArray<(string Owner, string Tenant, string Sha256)> List(string? owner, string? tenant) => file.Read((owner, tenant), static (connection, state) =>
    {
        var found = ImmutableArray.CreateBuilder<(string, string, string)>();
        using var list = connection.Prepare("SELECT owner,tenant,sha256 FROM blobs WHERE (?1 IS NULL OR owner=?1 OR (owner>?1||'/' AND owner<?1||'0')) AND (?2 IS NULL OR tenant=?2) ORDER BY owner,tenant,sha256");
        list.Bind(1, state.owner).Bind(2, state.tenant);
        while (list.Step())
            found.Add((list.Text(0)!, list.Text(1)!, list.Text(2)!));
        return found.DrainToImmutable();
    });
}
