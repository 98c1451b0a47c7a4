using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.OpenId;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.External;

/// <summary>
/// Sign-in with another site by the authorization code flow. State, nonce and PKCE verifier are bound to the browser that began:
/// 1. <see cref="BeginAsync"/> keeps them under the hash of the state, with the hash of a cookie. 2. The user signs in over there.
/// 3. <see cref="CompleteAsync"/> takes them out (once), compares the cookie, exchanges the code, and checks what comes.
/// </summary>
internal sealed class ExternalSignIn(IOptionsMonitor<ExternalOptions> options, ProviderDirectory directory, ProviderHttp http, IdentityTokens tokens, Tickets tickets)
{
    /// <summary>Time that a user has over there.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(10);

    private const string Kind = "external";

    /// <summary>The shape of a provider that is configured.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>: there is no such provider.</exception>
    public ProviderShape Provider(string name) =>
        options.CurrentValue.Providers.TryGetValue(name, out var settings) && ProviderShape.Of(name, settings) is { } shape
            ? shape
            : throw new NexusException(ErrorCodes.ResourceNotFound, "No sign-in provider of that name is configured.");

    /// <summary>Names of the providers that are configured.</summary>
    public IEnumerable<string> Providers => options.CurrentValue.Providers.Keys.Order(StringComparer.OrdinalIgnoreCase);

    /// <summary>Begins a sign-in: where to send the browser.</summary>
    /// <param name="shape">The provider.</param>
    /// <param name="browser">Random value of the cookie that the browser gets.</param>
    /// <param name="wish">What it is for.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public async Task<string> BeginAsync(ProviderShape shape, string browser, SignInWish wish, CancellationToken cancellationToken)
    {
        var (nonce, verifier) = (Secrets.Random(), Secrets.Random());
        var pending = new PendingSignIn(shape.Name, nonce, verifier, Tickets.Hash(browser), wish);
        var state = await tickets.IssueAsync(Kind, pending, Patience, ExternalJson.Default.PendingSignIn, cancellationToken);
        var query = new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = shape.ClientId,
            ["redirect_uri"] = wish.Callback,
            ["scope"] = shape.Scope,
            ["state"] = state,
            ["code_challenge"] = ProofKey.ChallengeOf(verifier),
            ["code_challenge_method"] = ProofKey.Method,
        };
        if (shape.Endpoints is { } plain)
            return QueryHelpers.AddQueryString(plain.Authorization, query);
        query["nonce"] = nonce;
        return QueryHelpers.AddQueryString((await directory.DescribeAsync(shape.Issuer!, cancellationToken)).Authorization, query);
    }

    /// <summary>Completes a sign-in with what the provider sent back through the browser.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: the state is not one of this browser; <c>EXTERNAL_SIGN_IN_REFUSED</c>: the provider said no, or what it said does not hold.</exception>
    public async Task<(ExternalIdentity Identity, SignInWish Wish)> CompleteAsync(ProviderShape shape, ProviderAnswer answer, string? browser, CancellationToken cancellationToken)
    {
        var pending = await tickets.TakeAsync(Kind, answer.State, ExternalJson.Default.PendingSignIn, cancellationToken);
        if (pending is null || pending.Provider != shape.Name || browser is null || !Secrets.Same(pending.Browser, Tickets.Hash(browser)))
            throw new NexusException(ErrorCodes.BadRequest, "The state is not that of a sign-in which this browser began, or it took too long; begin again.");
        if (answer.Error is not null || answer.Code is not { Length: > 0 } code)
            throw new NexusException(ErrorCodes.ExternalSignInRefused, "The provider did not sign the user in.");
        var identity = shape.Endpoints is { } plain
            ? await AskAsync(shape, plain, code, pending, cancellationToken)
            : await ExchangeAsync(shape, answer, code, pending, cancellationToken);
        return (identity, pending.Wish);
    }

    private async Task<ExternalIdentity> ExchangeAsync(ProviderShape shape, ProviderAnswer answer, string code, PendingSignIn pending, CancellationToken cancellationToken)
    {
        var provider = await directory.DescribeAsync(shape.Issuer!, cancellationToken);
        // RFC 9207: a provider that names itself in its answer must be the one that was asked, or codes of one could be sent to another.
        if (answer.Issuer is { } named && named != provider.Issuer)
            throw new NexusException(ErrorCodes.ExternalSignInRefused, "The answer is of another issuer.");
        using var document = await RedeemAsync(shape, provider.Token, code, pending, provider.TakesSecretInBody, cancellationToken);
        var token = Text(document.RootElement, "id_token") ?? throw new NexusException(ErrorCodes.ExternalSignInRefused, "The provider sent no identity token.");
        return await tokens.ReadAsync(token, provider, shape.ClientId, shape.SendsNonce ? pending.Nonce : null, cancellationToken);
    }

    /// <summary>Without OpenID Connect there is nothing signed: the provider's own endpoint says over TLS whose token it gave us.</summary>
    private async Task<ExternalIdentity> AskAsync(ProviderShape shape, OAuthEndpoints endpoints, string code, PendingSignIn pending, CancellationToken cancellationToken)
    {
        using var document = await RedeemAsync(shape, endpoints.Token, code, pending, true, cancellationToken);
        var access = Text(document.RootElement, "access_token") ?? throw new NexusException(ErrorCodes.ExternalSignInRefused, "The provider sent no token.");
        using var user = await http.GetAsync(endpoints.User, access, cancellationToken);
        if (user.RootElement.ValueKind != JsonValueKind.Object || !user.RootElement.TryGetProperty("id", out var id) || id.ValueKind is not (JsonValueKind.Number or JsonValueKind.String))
            throw new NexusException(ErrorCodes.ExternalSignInRefused, "The provider names nobody.");
        using var emails = await http.GetAsync($"{endpoints.User.TrimEnd('/')}/emails", access, cancellationToken);
        var primary = emails.RootElement.ValueKind == JsonValueKind.Array ? emails.RootElement.EnumerateArray().FirstOrDefault(e => e.ValueKind == JsonValueKind.Object && IsTrue(e, "primary")) : default;
        return new ExternalIdentity(endpoints.Authorization, id.ToString())
        {
            Email = primary.ValueKind == JsonValueKind.Object ? Text(primary, "email") : null,
            EmailVerified = primary.ValueKind == JsonValueKind.Object && IsTrue(primary, "verified"),
            Name = Text(user.RootElement, "name") ?? Text(user.RootElement, "login"),
        };
    }

    private Task<JsonDocument> RedeemAsync(ProviderShape shape, string address, string code, PendingSignIn pending, bool secretInBody, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = pending.Wish.Callback,
            ["code_verifier"] = pending.Verifier,
        };
        var request = new HttpRequestMessage(HttpMethod.Post, address);
        if (shape.ClientSecret is { } secret && !secretInBody)
        {
            // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
            var pair = $"{Uri.EscapeDataString(shape.ClientId)}:{Uri.EscapeDataString(secret)}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        }
        else
        {
            form["client_id"] = shape.ClientId;
            if (shape.ClientSecret is { } plain)
                form["client_secret"] = plain;
        }

        request.Content = new FormUrlEncodedContent(form);
        return http.SendAsync(request, cancellationToken);
    }

    private static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool IsTrue(JsonElement from, string name) => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}

/// <summary>What a provider sends back through the browser.</summary>
internal sealed record ProviderAnswer(string? Code, string? State, string? Error, string? Issuer);

/// <summary>A sign-in that is under way over there.</summary>
/// <param name="Provider">Where.</param>
/// <param name="Nonce">Must come back inside the identity token.</param>
/// <param name="Verifier">PKCE verifier.</param>
/// <param name="Browser">Hash of the cookie of the browser that began.</param>
/// <param name="Wish">What it is for.</param>
internal sealed record PendingSignIn(string Provider, string Nonce, string Verifier, string Browser, SignInWish Wish);

/// <summary>What a sign-in with another site is for.</summary>
/// <param name="Callback">Address here that the provider sends the browser back to.</param>
/// <param name="Tenant">Whose user signs in.</param>
/// <param name="ReturnTo">Local path the browser goes to in the end; null answers with tokens.</param>
internal sealed record SignInWish(string Callback, string Tenant, string? ReturnTo);
