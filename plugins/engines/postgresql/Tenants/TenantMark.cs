namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>What a database says of a tenant that does not simply lie in it. A tenant without a mark may.</summary>
internal enum TenantMark : short
{
    /// <summary>It is leaving: what it has is read and not written.</summary>
    Leaving = 1,

    /// <summary>It has left. The mark stays, so that a node which knows nothing of it finds nothing old and writes nothing new.</summary>
    Gone = 2,

    /// <summary>It is being copied here.</summary>
    Arriving = 3,

    /// <summary>All of it is here; it is not placed here yet.</summary>
    Landed = 4,
}
