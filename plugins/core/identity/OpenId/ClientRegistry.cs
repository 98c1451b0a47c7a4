using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Clients as they are stored, and what users have consented to. Thread-safe.</summary>
internal sealed class ClientRegistry(Tree tree, TimeProvider time)
{
    private const string Folder = "clients";

    /// <summary>A client, or null.</summary>
    public async ValueTask<Client?> FindAsync(string? id, CancellationToken cancellationToken) =>
        IsId(id) && await tree.FindAsync(CallContext.DefaultTenant, $"{Folder}/{id}", cancellationToken) is { } document ? document.Value.Deserialize(OpenIdJson.Default.Client) : null;

    /// <summary>All clients, by id.</summary>
    public async Task<ImmutableArray<Client>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await tree.AllAsync(CallContext.DefaultTenant, Folder, cancellationToken)).Select(d => d.Value.Deserialize(OpenIdJson.Default.Client)!).OrderBy(c => c.Id, StringComparer.Ordinal)];

    /// <summary>Registers a client.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>; <c>UNIQUE_VIOLATION</c>: the id is taken.</exception>
    public async Task<Client> AddAsync(ClientRequest request, CancellationToken cancellationToken)
    {
        var client = Checked(request);
        try
        {
            await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite($"{Folder}/{client.Id}", JsonSerializer.SerializeToNode(client, OpenIdJson.Default.Client), 0)], cancellationToken: cancellationToken);
        }
        catch (StorageConflictException)
        {
            throw new NexusException(ErrorCodes.UniqueViolation, "A client of that id is registered already.");
        }

        return client;
    }

    /// <summary>Removes a client; false when there was none.</summary>
    public async Task<bool> RemoveAsync(string id, CancellationToken cancellationToken)
    {
        if (!IsId(id) || await tree.FindAsync(CallContext.DefaultTenant, $"{Folder}/{id}", cancellationToken) is not { } document)
            return false;
        await tree.CommitAsync(CallContext.DefaultTenant, [new DocumentWrite(document.Path, null, Delete: true)], cancellationToken: cancellationToken);
        return true;
    }

    /// <summary>Whether a user has consented to all of these scopes before.</summary>
    public async ValueTask<bool> HasConsentAsync(Place user, Client client, IEnumerable<string> scopes, CancellationToken cancellationToken) =>
        await tree.FindAsync(user.Tenant, ConsentPath(user, client), cancellationToken) is { } document && document.Value.Deserialize(OpenIdJson.Default.Consent) is { } consent && scopes.All(consent.Scopes.Contains);

    /// <summary>Keeps a user's consent.</summary>
    public async Task ConsentAsync(Place user, Client client, ImmutableArray<string> scopes, CancellationToken cancellationToken) =>
        await tree.CommitAsync(user.Tenant, [new DocumentWrite(ConsentPath(user, client), JsonSerializer.SerializeToNode(new Consent(scopes, time.GetUtcNow()), OpenIdJson.Default.Consent))], cancellationToken: cancellationToken);

    private static string ConsentPath(Place user, Client client) => $"consents/{user.Id}/{client.Id}";

    private static bool IsId(string? id) => id is { Length: > 0 and <= 100 } && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private Client Checked(ClientRequest request)
    {
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        void Check(bool holds, string pointer, string message)
        {
            if (!holds) errors.Add(new FieldError(pointer, "invalid", message));
        }

        var id = request.Id ?? Guid.CreateVersion7(time.GetUtcNow()).ToString("N");
        var redirects = request.RedirectUris ?? [];
        Check(IsId(id), "/id", "An id is up to 100 letters, digits, dashes and underscores.");
        Check(request.Name is { Length: > 0 and <= 100 } && !request.Name.Any(char.IsControl), "/name", "A name of up to 100 characters is needed.");
        Check(redirects.Length is > 0 and <= 20, "/redirectUris", "1 to 20 addresses are needed.");
        Check(redirects.All(IsRedirect), "/redirectUris", "An address is absolute, without fragment and user: https, http on this machine only, or the program's own scheme with a dot in it.");
        Check((request.PostLogoutRedirectUris ?? []).All(IsRedirect), "/postLogoutRedirectUris", "The same rules as for redirectUris.");
        Check((request.Scopes ?? []).All(s => s.Length is > 0 and <= 200 && s.All(c => c is > ' ' and < '\x7f' and not '"' and not '\\')), "/scopes", "A scope is a permission such as finance.ledger.books:read.");
        if (errors.Count > 0)
            throw new NexusException(ErrorCodes.ValidationError, "The client is not valid.") { Errors = errors.DrainToImmutable() };
        return new Client { Id = id, Name = request.Name!, RedirectUris = redirects, PostLogoutRedirectUris = request.PostLogoutRedirectUris ?? [], Scopes = request.Scopes ?? [], Trusted = request.Trusted, CreatedAt = time.GetUtcNow() };
    }

    /// <summary>RFC 8252: own schemes are reverse domain names; <c>javascript:</c> and the like have no dot.</summary>
    private static bool IsRedirect(string text) =>
        text.Length <= 500 && Uri.TryCreate(text, UriKind.Absolute, out var address) && address.OriginalString == text && !text.Contains('#', StringComparison.Ordinal) && address.UserInfo.Length == 0 && !text.Any(c => char.IsControl(c) || c is ' ' or ';' or '\'' or '"' or '<' or '>')
        && (address.Scheme == "https" || (address.Scheme == "http" && address.IsLoopback) || (address.Scheme.Contains('.', StringComparison.Ordinal) && address.Scheme != "http"));
}

/// <summary>What a user has consented to.</summary>
internal sealed record Consent(ImmutableArray<string> Scopes, DateTimeOffset At);
