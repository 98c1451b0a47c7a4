using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Nexus.Core.Identity;

/// <summary>Where people reach this site: the issuer that is set, else the node's own address. Without a slash at its end.</summary>
internal sealed class SiteAddress(IOptions<IdentityOptions> options, INodeAddress? node = null)
{
    private readonly string? issuer = options.Value.Issuer?.TrimEnd('/');

    /// <summary>For letters and access tokens, which outlive a request.</summary>
    public string Public => issuer ?? node?.Public ?? "http://localhost";

    /// <summary>For what a client or a browser compares with the address it called: discovery, identity tokens, redirects, passkeys.</summary>
    public string Of(HttpContext context) => issuer ?? node?.Of(context) ?? Public;
}
