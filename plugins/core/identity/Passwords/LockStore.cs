using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Passwords;

/// <summary>
/// Locked accounts at <c>locks/{hash}</c>, so that a restart opens none. Written when an account is locked or opened, not at each try. Thread-safe.
/// A store that does not answer leaves what is in memory in force.
/// </summary>
internal sealed partial class LockStore(Tree tree, Catalogue catalogue, TimeProvider time, ILogger<LockStore> log)
{
    private const string Folder = "locks";

    /// <summary>What was locked in a tenant, and since when.</summary>
    public async Task<IEnumerable<(Place Who, DateTimeOffset Since)>> LoadAsync(string tenant, CancellationToken cancellationToken) =>
        from document in await tree.AllAsync(tenant, Folder, cancellationToken)
        select (new Place(tenant, (string)document.Value!["who"]!), DateTimeOffset.FromUnixTimeMilliseconds((long)document.Value["since"]!));

    /// <summary>Name of the document of somebody's lock.</summary>
    public static string NameOf(Place who) => Tickets.Hash(who.Id);

    /// <summary>Whether the lock at a whole path is there.</summary>
    public async Task<bool> IsLockedAsync(string tenant, string path, CancellationToken cancellationToken) =>
        await tree.FindAsync(tenant, $"{Folder}/{path[(path.LastIndexOf('/') + 1)..]}", cancellationToken) is not null;

    /// <summary>Takes a lock down, or removes it when it has no time.</summary>
    public async Task SetAsync(Place who, DateTimeOffset? since, DateTimeOffset? until)
    {
        // Callers name tenants as they like; only those that exist have a tree.
        if (!catalogue.HasTenant(who.Tenant)) return;
        var path = $"{Folder}/{NameOf(who)}";
        var node = since is { } from && until is { } to ? new JsonObject { ["who"] = who.Id, ["since"] = from.ToUnixTimeMilliseconds(), ["until"] = to.ToUnixTimeMilliseconds() } : null;
        try
        {
            await tree.CommitAsync(who.Tenant, [new DocumentWrite(path, node, Delete: node is null)]);
        }
        catch (NexusException e)
        {
            NotStored(log, e.Message);
        }
    }

    /// <summary>Removes locks whose time is over.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var tenant in catalogue.TenantNames)
        {
            foreach (var over in await tree.AllAsync(tenant, Folder, cancellationToken, Tree.Over("until", time.GetUtcNow())))
            {
                try
                {
                    await tree.CommitAsync(tenant, [new DocumentWrite(over.Path, null, over.Revision, Delete: true)], cancellationToken: cancellationToken);
                }
                catch (StorageConflictException)
                {
                    // It was locked anew meanwhile.
                }
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "A lock of an account holds in memory only: {Reason}")]
    private static partial void NotStored(ILogger log, string reason);
}
