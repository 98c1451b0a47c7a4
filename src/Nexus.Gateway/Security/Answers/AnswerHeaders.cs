using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Security.Answers;

/// <summary>
/// The security headers of every answer. What is not a page gets a policy that allows nothing; a page gets one with a nonce of its own,
/// and an SVG or XML document, which a browser would run as a page, a sandbox without scripts. A handler's own policy stays.
/// </summary>
internal static class AnswerHeaders
{
    /// <summary>The policy of answers that are data.</summary>
    public static readonly StringValues DataPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static readonly StringValues DocumentPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'";
    private static readonly StringValues Permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(self), payment=(), usb=()";
    private static readonly StringValues Deny = "DENY";
    private static readonly StringValues NoReferrer = "no-referrer";
    private static readonly StringValues Attachment = "attachment";
    private static readonly StringValues SameOrigin = "same-origin";

    /// <summary>Puts them on, before anything else writes headers.</summary>
    public static void Begin(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XFrameOptions = Deny;
        headers["Referrer-Policy"] = NoReferrer;
        headers["Permissions-Policy"] = Permissions;
        headers["Cross-Origin-Resource-Policy"] = SameOrigin;
        headers.ContentSecurityPolicy = DataPolicy;
    }

    /// <summary>Completes them when the kind of the answer is known; runs when the answer starts.</summary>
    public static void Complete(HttpContext context, GatewayRequest request)
    {
        var headers = context.Response.Headers;
        request.Limit.Write(headers);
        if (headers.SetCookie.Count > 0)
            headers.SetCookie = Guard(headers.SetCookie, context.Request.IsHttps);
        if (context.Response.ContentType is not { } type || !ReferenceEquals((string?)headers.ContentSecurityPolicy, (string?)DataPolicy))
            return;
        if (type.StartsWith("application/json", StringComparison.Ordinal))
            return;
        if (type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            headers.ContentSecurityPolicy = PagePolicy(context.GetContentNonce());
            headers["Cross-Origin-Opener-Policy"] = SameOrigin;
        }
        else if (IsDocument(type))
        {
            headers.ContentSecurityPolicy = DocumentPolicy;
        }
        else if (headers.ContentDisposition.Count == 0 && type.StartsWith("application/octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            // Bytes of nobody knows what are saved, never shown.
            headers.ContentDisposition = Attachment;
        }
    }

    private static string PagePolicy(string nonce) =>
        $"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private static bool IsDocument(string type) =>
        type.StartsWith("image/svg+xml", StringComparison.OrdinalIgnoreCase) || type.StartsWith("application/xhtml+xml", StringComparison.OrdinalIgnoreCase)
        || type.StartsWith("text/xml", StringComparison.OrdinalIgnoreCase) || type.StartsWith("application/xml", StringComparison.OrdinalIgnoreCase);

    /// <summary>No cookie leaves without SameSite, none over TLS without Secure, and that of the sign-in none without HttpOnly.</summary>
    private static StringValues Guard(StringValues cookies, bool secure)
    {
        var guarded = new string?[cookies.Count];
        for (var i = 0; i < guarded.Length; i++)
        {
            var cookie = cookies[i] ?? "";
            if (!cookie.Contains("; samesite", StringComparison.OrdinalIgnoreCase))
                cookie += "; SameSite=Lax";
            if (secure && !cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase))
                cookie += "; Secure";
            if (cookie.StartsWith(SignedIn.CookieName + "=", StringComparison.Ordinal) && !cookie.Contains("; httponly", StringComparison.OrdinalIgnoreCase))
                cookie += "; HttpOnly";
            guarded[i] = cookie;
        }
        return guarded;
    }
}
