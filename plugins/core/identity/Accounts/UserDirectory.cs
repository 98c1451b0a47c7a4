using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Core.Identity.Accounts;

/// <summary>All users of all tenants in memory, found by id, name or address; changes are durable first. Names and addresses are unique in a tenant, also against each other. Thread-safe.</summary>
internal sealed class UserDirectory : IDisposable
{
    private readonly ConcurrentDictionary<Place, string> keys = new();
    private readonly Mirror<User> users;
    private readonly AwayTenants away;
    private readonly TimeProvider time;

    public UserDirectory(Tree tree, AwayTenants away, TimeProvider time)
    {
        (this.away, this.time) = (away, time);
        users = new Mirror<User>(tree, "core/users", IdentityJson.Default.User) { Changed = Index, Placed = (user, place) => user with { Tenant = place.Tenant } };
    }

    public async Task LoadAsync(string tenant, CancellationToken cancellationToken) => await users.LoadAsync(tenant, cancellationToken);

    /// <summary>Takes over what another node changed; null stands for anything of the tenant.</summary>
    public Task FollowAsync(string tenant, string? path, CancellationToken cancellationToken) =>
        path is null ? users.FollowAllAsync(tenant, cancellationToken) : users.FollowAsync(tenant, path, cancellationToken).AsTask();

    public User? Find(Place place) => users.Find(place);

    public IEnumerable<User> All(string tenant) => users.All(tenant);

    /// <summary>The user whose name or address this is, or null.</summary>
    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c>: the tenant's accounts are not known yet.</exception>
    public User? FindByLogin(string tenant, string? nameOrEmail)
    {
        away.Demand(tenant);
        return Names.Key(nameOrEmail) is { } key && keys.TryGetValue(new Place(tenant, key), out var id) ? Find(new Place(tenant, id)) : null;
    }

    /// <summary>Stores a new user.</summary>
    /// <exception cref="NexusException"><c>UNIQUE_VIOLATION</c>: the name or the address is taken.</exception>
    public async ValueTask<User> AddAsync(User user, ImmutableArray<DocumentWrite> also = default, CancellationToken cancellationToken = default)
    {
        var claimed = Keys(user);
        if (claimed.FirstOrDefault(k => keys.ContainsKey(new Place(user.Tenant, k))) is { } taken) throw Taken(user, taken);
        try
        {
            await users.AddAsync(user.Place, user, [.. claimed.Select(k => new DocumentWrite(Names.Claim(k), user.Id, 0)), .. also.IsDefault ? [] : also], [Told("created", user)], cancellationToken);
        }
        catch (StorageConflictException conflict)
        {
            throw Taken(user, claimed.FirstOrDefault(k => conflict.Key.Id.EndsWith(Names.Claim(k), StringComparison.Ordinal)));
        }

        return user;
    }

    /// <summary>Changes a user; null when there is none.</summary>
    /// <exception cref="NexusException"><c>UNIQUE_VIOLATION</c>: the new name or address is taken.</exception>
    public async ValueTask<User?> ChangeAsync(Place place, Func<User, User> change, ImmutableArray<DocumentWrite> also = default, CancellationToken cancellationToken = default)
    {
        User? wanted = null;
        try
        {
            return await users.ChangeAsync(place, user =>
            {
                wanted = change(user);
                return ReferenceEquals(wanted, user) ? user : wanted with { Id = user.Id, Tenant = place.Tenant, UpdatedAt = time.GetUtcNow() };
            }, (old, changed) => [.. Moved(old, changed), .. also.IsDefault ? [] : also], cancellationToken: cancellationToken);
        }
        catch (StorageConflictException conflict) when (wanted is not null)
        {
            throw Taken(wanted, Keys(wanted).FirstOrDefault(k => conflict.Key.Id.EndsWith(Names.Claim(k), StringComparison.Ordinal)));
        }
    }

    /// <summary>Removes a user with what belongs to it; null when there is none.</summary>
    public ValueTask<User?> RemoveAsync(Place place, Func<User, ImmutableArray<DocumentWrite>> also, CancellationToken cancellationToken = default) =>
        users.Find(place) is { } leaving
            ? users.RemoveAsync(place, user => [.. Keys(user).Select(Release), .. also(user)], [Told("deleted", leaving)], cancellationToken)
            : ValueTask.FromResult<User?>(null);

    public void Dispose() => users.Dispose();

    private static ImmutableArray<DocumentWrite> Moved(User old, User changed)
    {
        var (before, after) = (Keys(old), Keys(changed));
        return [.. before.Except(after).Select(Release), .. after.Except(before).Select(k => new DocumentWrite(Names.Claim(k), changed.Id, 0))];
    }

    private static DocumentWrite Release(string key) => new(Names.Claim(key), null, Delete: true);

    private static ImmutableArray<string> Keys(User user) =>
        [.. new[] { Names.Key(user.UserName), Names.Key(user.Email) }.OfType<string>().Distinct(StringComparer.Ordinal)];

    private static NexusException Taken(User user, string? key) =>
        key is not null && key == Names.Key(user.Email)
            ? new(ErrorCodes.UniqueViolation, "The e-mail address is taken.") { Errors = [new FieldError("/email", "taken", "Another account has this address.")] }
            : new(ErrorCodes.UniqueViolation, "The user name is taken.") { Errors = [new FieldError("/username", "taken", "Another account has this name.")] };

    private EventMessage Told(string what, User user) => new()
    {
        Name = $"core.users.{what}",
        Source = "core.identity",
        Tenant = user.Tenant,
        OccurredAt = time.GetUtcNow(),
        CorrelationId = CallContext.Current.CorrelationId,
        Key = user.Id,
        Data = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new UserTold(user.Id, user.UserName, user.Tenant), IdentityJson.Default.UserTold),
    };

    private void Index(Place place, User? old, User? now)
    {
        if (old is not null)
            foreach (var key in Keys(old).Except(now is null ? [] : Keys(now))) keys.TryRemove(new KeyValuePair<Place, string>(new Place(place.Tenant, key), place.Id));
        if (now is not null)
            foreach (var key in Keys(now)) keys[new Place(place.Tenant, key)] = place.Id;
    }
}

/// <summary>What events about users say.</summary>
internal sealed record UserTold(string Id, string UserName, string Tenant);
