using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Brings the accounts of the node, tenant after tenant, into memory.</summary>
internal sealed class Tenants(Catalogue catalogue, UserDirectory users, SignInSessions sessions, KeyRegister keys, Lockouts lockouts, TimeProvider time)
{
    /// <summary>Reads everything. A tenant whose database is away is read when it is back, and refused until then.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await catalogue.Tenants.LoadAsync(CallContext.DefaultTenant, cancellationToken);
        foreach (var tenant in catalogue.TenantNames)
        {
            try
            {
                await LoadAsync(tenant, cancellationToken);
            }
            catch (NexusException e) when (tenant != CallContext.DefaultTenant && e.Code == ErrorCodes.StorageUnavailable)
            {
                catalogue.Away.Add(tenant, e);
            }
        }
    }

    /// <summary>Tries again to read those that were away.</summary>
    public async Task ReturnAsync(CancellationToken cancellationToken)
    {
        foreach (var tenant in catalogue.Away.All)
        {
            try
            {
                await LoadAsync(tenant, cancellationToken);
                catalogue.Away.Remove(tenant);
            }
            catch (NexusException e)
            {
                catalogue.Away.Add(tenant, e);
            }
        }
    }

    /// <summary>Takes over what another node changed; null stands for anything.</summary>
    public async Task FollowAsync(DocumentChange change, CancellationToken cancellationToken)
    {
        if (change.Path is { } path)
        {
            await TakeAsync(change.Tenant, path, cancellationToken);
            return;
        }

        await catalogue.Tenants.FollowAllAsync(CallContext.DefaultTenant, cancellationToken);
        // Those that were never read are read whole, by whoever looks after them.
        foreach (var tenant in catalogue.TenantNames.Except(catalogue.Away.All)) await TakeAsync(tenant, null, cancellationToken);
    }

    private async Task LoadAsync(string tenant, CancellationToken cancellationToken)
    {
        await catalogue.LoadAsync(tenant, cancellationToken);
        await users.LoadAsync(tenant, cancellationToken);
        await sessions.LoadAsync(tenant, cancellationToken);
        await keys.LoadAsync(tenant, cancellationToken);
        await lockouts.LoadAsync(tenant, cancellationToken);
    }

    private async Task TakeAsync(string tenant, string? path, CancellationToken cancellationToken)
    {
        await catalogue.FollowAsync(tenant, path, cancellationToken);
        await users.FollowAsync(tenant, path, cancellationToken);
        await sessions.FollowAsync(tenant, path, cancellationToken);
        await keys.FollowAsync(tenant, path, cancellationToken);
        if (path?.Contains("/locks/", StringComparison.Ordinal) != false) await lockouts.FollowAsync(tenant, path, cancellationToken);
    }

    /// <summary>Makes a tenant with its roles.</summary>
    /// <exception cref="NexusException"><c>UNIQUE_VIOLATION</c>.</exception>
    public async Task<Tenant> AddAsync(string name, string? description, CancellationToken cancellationToken)
    {
        var tenant = new Tenant { Name = name, Description = description, CreatedAt = time.GetUtcNow() };
        if (catalogue.HasTenant(name)) throw Catalogue.Taken("tenant", name);
        try
        {
            // The roles first: who finds the tenant finds it whole. Of two who make the same one at once, one meets the other's roles.
            await catalogue.LoadAsync(name, cancellationToken);
            await catalogue.Tenants.AddAsync(new Place(CallContext.DefaultTenant, name), tenant, cancellationToken: cancellationToken);
        }
        catch (StorageConflictException)
        {
            throw Catalogue.Taken("tenant", name);
        }

        return tenant;
    }
}
