using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Passkeys;

/// <summary>Passkeys as they are stored, in the form in which the framework's handler asks for them: <c>passkeys/{user}/{hash of the credential id}</c>, and <c>passkey-ids/{hash}</c> that names the user, so that no credential is two users'.</summary>
internal sealed class PasskeyStore(UserDirectory users, Tree tree) : IUserPasskeyStore<User>
{
    /// <summary>Passkeys of one user, oldest first.</summary>
    public async Task<ImmutableArray<StoredPasskey>> ListAsync(string user, CancellationToken cancellationToken) =>
        [.. (await tree.AllAsync(CallContext.DefaultTenant, $"passkeys/{user}", cancellationToken)).Select(d => d.Value.Deserialize(PasskeyJson.Default.StoredPasskey)!).OrderBy(p => p.CreatedAt)];

    /// <summary>Removes one by its id as it is sent; false when there is none.</summary>
    public async Task<bool> RemoveAsync(string user, string id, CancellationToken cancellationToken)
    {
        if ((await ListAsync(user, cancellationToken)).FirstOrDefault(p => p.Id == id) is not { } passkey)
            return false;
        await tree.CommitAsync(CallContext.DefaultTenant, Removals(user, passkey.Id), cancellationToken: cancellationToken);
        return true;
    }

    /// <inheritdoc/>
    public async Task AddOrUpdatePasskeyAsync(User user, UserPasskeyInfo passkey, CancellationToken cancellationToken)
    {
        var id = Base64Url.EncodeToString(passkey.CredentialId);
        var value = JsonSerializer.SerializeToNode(StoredPasskey.From(passkey, user), PasskeyJson.Default.StoredPasskey);
        var known = await tree.FindAsync(CallContext.DefaultTenant, Path(user.Id, id), cancellationToken);
        ImmutableArray<DocumentWrite> writes = known is null
            ? [new DocumentWrite(Path(user.Id, id), value, 0), new DocumentWrite(Owner(id), JsonSerializer.SerializeToNode(user.Id, PasskeyJson.Default.String), 0)]
            : [new DocumentWrite(Path(user.Id, id), value, known.Revision)];
        await tree.CommitAsync(CallContext.DefaultTenant, writes, cancellationToken: cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IList<UserPasskeyInfo>> GetPasskeysAsync(User user, CancellationToken cancellationToken) => [.. (await ListAsync(user.Id, cancellationToken)).Select(p => p.ToInfo())];

    /// <inheritdoc/>
    public async Task<User?> FindByPasskeyIdAsync(byte[] credentialId, CancellationToken cancellationToken) =>
        await tree.FindAsync(CallContext.DefaultTenant, Owner(Base64Url.EncodeToString(credentialId)), cancellationToken) is { } document ? await FindByIdAsync(document.Value.Deserialize(PasskeyJson.Default.String)!, cancellationToken) : null;

    /// <inheritdoc/>
    public async Task<UserPasskeyInfo?> FindPasskeyAsync(User user, byte[] credentialId, CancellationToken cancellationToken) =>
        await tree.FindAsync(CallContext.DefaultTenant, Path(user.Id, Base64Url.EncodeToString(credentialId)), cancellationToken) is { } document ? document.Value.Deserialize(PasskeyJson.Default.StoredPasskey)!.ToInfo() : null;

    /// <inheritdoc/>
    public Task RemovePasskeyAsync(User user, byte[] credentialId, CancellationToken cancellationToken) => RemoveAsync(user.Id, Base64Url.EncodeToString(credentialId), cancellationToken);

    /// <summary>A user by its id, whatever its tenant: a passkey knows the id alone, and ids are unique everywhere.</summary>
    public async Task<User?> FindByIdAsync(string userId, CancellationToken cancellationToken) =>
        Guid.TryParse(userId, out _) && (await ListAsync(userId, cancellationToken)).FirstOrDefault() is { } passkey ? users.Find(new Place(passkey.Tenant, userId)) : null;

    /// <inheritdoc/>
    public Task<string> GetUserIdAsync(User user, CancellationToken cancellationToken) => Task.FromResult(user.Id);

    /// <inheritdoc/>
    public Task<string?> GetUserNameAsync(User user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.UserName);

    /// <inheritdoc/>
    public Task<string?> GetNormalizedUserNameAsync(User user, CancellationToken cancellationToken) => Task.FromResult(Names.Key(user.UserName));

    /// <inheritdoc/>
    public Task<User?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) => Task.FromResult(users.FindByLogin(CallContext.Current.Tenant, normalizedUserName));

    Task IUserStore<User>.SetUserNameAsync(User user, string? userName, CancellationToken cancellationToken) => throw Foreign();

    Task IUserStore<User>.SetNormalizedUserNameAsync(User user, string? normalizedName, CancellationToken cancellationToken) => throw Foreign();

    Task<IdentityResult> IUserStore<User>.CreateAsync(User user, CancellationToken cancellationToken) => throw Foreign();

    Task<IdentityResult> IUserStore<User>.UpdateAsync(User user, CancellationToken cancellationToken) => throw Foreign();

    Task<IdentityResult> IUserStore<User>.DeleteAsync(User user, CancellationToken cancellationToken) => throw Foreign();

    void IDisposable.Dispose()
    {
    }

    private static NotSupportedException Foreign() => new("Users are changed by the directory alone.");

    private static ImmutableArray<DocumentWrite> Removals(string user, string id) => [new DocumentWrite(Path(user, id), null, Delete: true), new DocumentWrite(Owner(id), null, Delete: true)];

    private static string Path(string user, string id) => $"passkeys/{user}/{Tickets.Hash(id)}";

    private static string Owner(string id) => $"passkey-ids/{Tickets.Hash(id)}";
}

/// <summary>A passkey as it is stored. Public keys are no secret.</summary>
internal sealed record StoredPasskey(string Id, byte[] PublicKey, DateTimeOffset CreatedAt, uint SignCount, ImmutableArray<string> Transports, bool UserVerified, bool BackupEligible, bool BackedUp, byte[] AttestationObject, byte[] ClientDataJson, string? Name, string Tenant)
{
    /// <summary>What the framework knows of it.</summary>
    public static StoredPasskey From(UserPasskeyInfo passkey, User user) => new(
        Base64Url.EncodeToString(passkey.CredentialId), passkey.PublicKey, passkey.CreatedAt, passkey.SignCount, [.. passkey.Transports ?? []], passkey.IsUserVerified, passkey.IsBackupEligible, passkey.IsBackedUp, passkey.AttestationObject, passkey.ClientDataJson, passkey.Name, user.Tenant);

    /// <summary>As the framework wants it.</summary>
    public UserPasskeyInfo ToInfo() => new(Base64Url.DecodeFromChars(Id), PublicKey, CreatedAt, SignCount, [.. Transports], UserVerified, BackupEligible, BackedUp, AttestationObject, ClientDataJson) { Name = Name };
}
