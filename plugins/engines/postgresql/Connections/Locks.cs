using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>Numbers of the advisory locks by which nodes take turns. They hold within one database; the schema is part of them, so that two installations in one database do not meet.</summary>
internal sealed class Locks(string schema)
{
    /// <summary>Selected with a lock: how long its holder may be silent between two statements before the server ends it. A node that stands still, or that the network no longer reaches, would hold up all others for as long as its connection lives.</summary>
    public const string Patience = "set_config('idle_in_transaction_session_timeout','5s',true)";

    /// <summary>The same for units in which plugins do more than ask the database.</summary>
    public const string PatienceWithPlugins = "set_config('idle_in_transaction_session_timeout','15s',true)";

    /// <summary>Held by a commit to its end: positions are given out in the order in which commits become visible.</summary>
    public long Commit { get; } = Number(schema, "commit");

    /// <summary>Held while the platform's own tables are made.</summary>
    public long Setup { get; } = Number(schema, "setup");

    /// <summary>Held while tables of records are made or changed.</summary>
    public long Tables { get; } = Number(schema, "tables");

    /// <summary>Held by a schema change of a plugin from its begin to its end.</summary>
    public long Change(string plugin) => Number(schema, "change/" + plugin);

    /// <summary>Held by each unit of work on a plugin's own database.</summary>
    public long Unit(string own) => Number(schema, "unit/" + own);

    /// <summary>Held shared by each unit that writes something of a tenant without the commit lock; exclusively while the tenant is closed for its move.</summary>
    public long Tenant(string tenant) => Number(schema, "tenant/" + tenant);

    /// <summary>Held by whoever moves a tenant, in both databases.</summary>
    public long Move(string tenant) => Number(schema, "move/" + tenant);

    private static long Number(string schema, string name) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"nexus/{schema}/{name}")));
}
