using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Identity.External;

/// <summary>Settings of sign-in with other sites (<c>plugins:core.identity:external</c>).</summary>
internal sealed class ExternalOptions : IValidatableObject
{
    /// <summary>Providers by the name that stands in their addresses. <c>google</c>, <c>microsoft</c>, <c>linkedin</c> and <c>github</c> need a client id and secret only; any other name needs an issuer too.</summary>
    public Dictionary<string, ExternalProvider> Providers { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether who is not known yet gets an account.</summary>
    public bool NewAccounts { get; set; } = true;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, provider) in Providers)
        {
            if (name.Length is 0 or > 40 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '-'))
                yield return new ValidationResult($"'{name}' is no name of a provider: letters, digits and dashes.", [nameof(Providers)]);
            if (string.IsNullOrEmpty(provider.ClientId))
                yield return new ValidationResult($"The provider {name} needs a clientId.", [nameof(Providers)]);
            if (ProviderShape.Of(name, provider) is not { } shape)
                yield return new ValidationResult($"The provider {name} needs an issuer.", [nameof(Providers)]);
            else if (!shape.IsSafe)
                yield return new ValidationResult($"The addresses of the provider {name} must be https (http only on this machine).", [nameof(Providers)]);
        }
    }
}

/// <summary>A site that signs users in.</summary>
internal sealed class ExternalProvider
{
    /// <summary>OpenID Connect issuer; its discovery document tells the rest.</summary>
    public string? Issuer { get; set; }

    /// <summary>Our id there.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Our secret there; null for a public client.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>What is asked for; null takes <c>openid email profile</c>.</summary>
    public string? Scope { get; set; }

    /// <summary>For sites that speak OAuth 2.0 without OpenID Connect, as GitHub does: where users sign in.</summary>
    public string? AuthorizationEndpoint { get; set; }

    /// <summary>For such sites: where codes are exchanged.</summary>
    public string? TokenEndpoint { get; set; }

    /// <summary>For such sites: who the user is, as GitHub's <c>/user</c> says it; its <c>/emails</c> lists the addresses.</summary>
    public string? UserEndpoint { get; set; }
}

/// <summary>How a provider is spoken to.</summary>
internal sealed record ProviderShape(string Name, string ClientId, string? ClientSecret, string Scope)
{
    /// <summary>Issuer of an OpenID provider; null for one that speaks plain OAuth 2.0.</summary>
    public string? Issuer { get; init; }

    /// <summary>Endpoints of a plain OAuth 2.0 provider.</summary>
    public OAuthEndpoints? Endpoints { get; init; }

    /// <summary>LinkedIn's tokens carry no nonce; its codes come over TLS from its own endpoint all the same.</summary>
    public bool SendsNonce { get; init; } = true;

    /// <summary>Whether every address is https, or http on this machine.</summary>
    public bool IsSafe => Issuer is not null ? IsSafeAddress(Issuer) : Endpoints is { } e && IsSafeAddress(e.Authorization) && IsSafeAddress(e.Token) && IsSafeAddress(e.User);

    /// <summary>The shape of a configured provider; null when its settings do not say enough.</summary>
    public static ProviderShape? Of(string name, ExternalProvider settings)
    {
        ProviderShape Shape(string scope) => new(name.ToLowerInvariant(), settings.ClientId, settings.ClientSecret is { Length: > 0 } secret ? secret : null, settings.Scope ?? scope);
        const string Claims = "openid email profile";
        if (settings.UserEndpoint is not null || (settings.Issuer is null && name.Equals("github", StringComparison.OrdinalIgnoreCase)))
        {
            return Shape("read:user user:email") with
            {
                Endpoints = new OAuthEndpoints(
                    settings.AuthorizationEndpoint ?? "https://github.com/login/oauth/authorize",
                    settings.TokenEndpoint ?? "https://github.com/login/oauth/access_token",
                    settings.UserEndpoint ?? "https://api.github.com/user"),
            };
        }

        var issuer = settings.Issuer ?? name.ToLowerInvariant() switch
        {
            "google" => "https://accounts.google.com",
            "microsoft" => "https://login.microsoftonline.com/common/v2.0",
            "linkedin" => "https://www.linkedin.com/oauth",
            _ => null,
        };
        return issuer is null ? null : Shape(Claims) with { Issuer = issuer, SendsNonce = !name.Equals("linkedin", StringComparison.OrdinalIgnoreCase) };
    }

    /// <summary>Whether an address may be asked: https, or http on this machine for trials.</summary>
    public static bool IsSafeAddress(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && (address.Scheme == "https" || (address.Scheme == "http" && address.IsLoopback));
}

/// <summary>Endpoints of a plain OAuth 2.0 provider.</summary>
internal sealed record OAuthEndpoints(string Authorization, string Token, string User);
