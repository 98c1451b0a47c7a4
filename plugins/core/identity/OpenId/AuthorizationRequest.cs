using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;

namespace Nexus.Core.Identity.OpenId;

/// <summary>What a client asks for at the authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1), after its client and redirect address were found good.</summary>
internal sealed record AuthorizationRequest(string ClientId, string RedirectUri, ImmutableArray<string> Scopes, string Challenge)
{
    /// <summary>Given back as it came.</summary>
    public string? State { get; init; }

    /// <summary>Goes into the identity token.</summary>
    public string? Nonce { get; init; }

    /// <summary><c>none</c>, <c>login</c>, <c>consent</c>, or several.</summary>
    public ImmutableArray<string> Prompt { get; init; } = [];

    /// <summary>Greatest age of the sign-in in seconds.</summary>
    public long? MaxAge { get; init; }

    /// <summary>Name to fill into the form.</summary>
    public string? LoginHint { get; init; }

    /// <summary>Whose users sign in (<c>tenant</c>, a parameter of ours); null means the node's own.</summary>
    public string? Tenant { get; init; }

    private static readonly string[] Known = ["tenant", "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint", "response_mode", "request", "request_uri"];

    /// <summary>Reads the parameters that follow client and redirect address.</summary>
    /// <exception cref="OAuthError">One that is told to the client.</exception>
    public static AuthorizationRequest Read(IQueryCollection query, Client client, string redirect)
    {
        // RFC 6749 section 3.1: a parameter that comes twice is an attempt to let two readers see two requests.
        if (Known.FirstOrDefault(name => query[name].Count > 1) is { } twice)
            throw new OAuthError("invalid_request", $"{twice} comes more than once.");
        string? Value(string name) => query[name] is [{ Length: > 0 } value] ? value : null;
        if (Value("request") is not null)
            throw new OAuthError("request_not_supported", "Request objects are not taken.");
        if (Value("request_uri") is not null)
            throw new OAuthError("request_uri_not_supported", "Request objects are not taken.");
        if (Value("response_type") != "code")
            throw new OAuthError(Value("response_type") is null ? "invalid_request" : "unsupported_response_type", "response_type must be code.");
        if (Value("response_mode") is not (null or "query"))
            throw new OAuthError("invalid_request", "response_mode must be query.");
        if (Value("code_challenge_method") != ProofKey.Method || !ProofKey.IsChallenge(Value("code_challenge")))
            throw new OAuthError("invalid_request", "A code_challenge with code_challenge_method S256 is needed.");
        if (Known.Any(name => Value(name)?.Length > 2000))
            throw new OAuthError("invalid_request", "A parameter is too long.");
        var scopes = (Value("scope") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal).ToImmutableArray();
        if (scopes.IsEmpty || scopes.FirstOrDefault(s => !client.MayAskFor(s)) is not null)
            throw new OAuthError("invalid_scope", scopes.IsEmpty ? "A scope is needed." : "The client may not ask for one of the scopes.");
        if (Value("max_age") is { } age && !(long.TryParse(age, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out _)))
            throw new OAuthError("invalid_request", "max_age is a number of seconds.");
        var prompt = (Value("prompt") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).ToImmutableArray();
        if (prompt.Contains("none") && prompt.Length > 1)
            throw new OAuthError("invalid_request", "prompt none stands alone.");
        return new AuthorizationRequest(client.Id, redirect, scopes, Value("code_challenge")!)
        {
            State = Value("state"),
            Nonce = Value("nonce"),
            Prompt = prompt,
            MaxAge = Value("max_age") is { } seconds ? long.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture) : null,
            LoginHint = Value("login_hint"),
            Tenant = Value("tenant"),
        };
    }
}

/// <summary>An error as RFC 6749 names them. Not a <see cref="NexusException"/>: it leaves in the form that OAuth clients read.</summary>
internal sealed class OAuthError(string error, string description, int status = 400) : Exception(description)
{
    /// <summary>Its code.</summary>
    public string Error { get; } = error;

    /// <summary>Its HTTP status at the token endpoint.</summary>
    public int Status { get; } = status;
}
