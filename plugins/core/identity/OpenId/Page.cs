using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.OpenId;

/// <summary>The pages of the issuer: plain HTML without script. Everything that comes from outside is encoded; the policy allows one style by nonce and forms to here and to where the browser goes next.</summary>
internal static class Page
{
    private const string Style = """
        body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}
        main{width:min(24rem,90vw)}h1{font-size:1.4rem}label{display:block;margin:.8rem 0 .2rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem}
        button{font:inherit;padding:.5rem 1.2rem;margin:1.2rem .5rem 0 0}p[role=alert]{color:#c22}ul{padding-left:1.2rem}
        """;

    /// <summary>The sign-in form.</summary>
    public static Task SignInAsync(HttpContext context, string transaction, Client client, string? name, string? error, bool needsCode, int status) => WriteAsync(context, status, client, $"""
        <h1>Sign in</h1><p>to go on to <strong>{Encode(client.Name)}</strong></p>
        {(error is null ? "" : $"""<p role="alert">{Encode(error)}</p>""")}
        <form method="post" action="/oauth/authorize">
        <input type="hidden" name="transaction" value="{Encode(transaction)}"><input type="hidden" name="step" value="sign-in">
        <label for="username">Name or e-mail</label><input id="username" name="username" autocomplete="username" required maxlength="320" value="{Encode(name ?? "")}">
        <label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024">
        {(needsCode ? """<label for="code">Code of your authenticator, or a backup code</label><input id="code" name="code" autocomplete="one-time-code" maxlength="40" required autofocus>""" : "")}
        <button type="submit">Sign in</button></form>
        """, "Sign in");

    /// <summary>The question for consent.</summary>
    public static Task ConsentAsync(HttpContext context, string transaction, Client client, User user, IEnumerable<string> scopes) => WriteAsync(context, 200, client, $"""
        <h1>Allow {Encode(client.Name)}?</h1><p>You are signed in as <strong>{Encode(user.DisplayName)}</strong>. It asks to:</p>
        <ul>{string.Concat(scopes.Select(s => $"<li>{Encode(Meaning(s))}</li>"))}</ul>
        <form method="post" action="/oauth/authorize">
        <input type="hidden" name="transaction" value="{Encode(transaction)}">
        <button type="submit" name="step" value="approve">Allow</button><button type="submit" name="step" value="deny">Deny</button></form>
        """, "Allow access", Preferred.Theme(user));

    /// <summary>The question whether to sign out.</summary>
    public static Task SignOutAsync(HttpContext context, string transaction) => WriteAsync(context, 200, null, $"""
        <h1>Sign out?</h1><form method="post" action="/oauth/end-session">
        <input type="hidden" name="transaction" value="{Encode(transaction)}"><button type="submit">Sign out</button></form>
        """, "Sign out");

    /// <summary>A message that ends the way.</summary>
    public static Task TellAsync(HttpContext context, int status, string title, string text) =>
        WriteAsync(context, status, null, $"<h1>{Encode(title)}</h1><p>{Encode(text)}</p>", title);

    private static string Meaning(string scope) => scope switch
    {
        "openid" => "know who you are",
        "profile" => "see your name",
        "email" => "see your e-mail address",
        "offline_access" => "go on while you are away",
        Client.EverythingScope => "do everything that you may",
        _ => $"use {scope}",
    };

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);

    private static Task WriteAsync(HttpContext context, int status, Client? client, string body, string title, string? theme = null)
    {
        var scheme = ":root{color-scheme:" + (theme ?? "light dark") + "}";
        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        // A browser holds the redirect that answers a form to form-action too.
        var targets = client is null ? "" : string.Concat(client.RedirectUris.Select(Source).Distinct(StringComparer.Ordinal).Select(s => $" {s}"));
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = $"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{targets}; frame-ancestors 'none'; base-uri 'none'";
        headers.XFrameOptions = "DENY";
        headers.CacheControl = "no-store";
        // Not no-referrer: with it browsers send the form with Origin: null, which no check of origins can tell from a stranger's.
        headers["Referrer-Policy"] = "same-origin";
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync($"""
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{Encode(title)}</title><style nonce="{nonce}">{scheme}{Style}</style></head><body><main>{body}</main></body></html>
            """, Encoding.UTF8, context.RequestAborted);
    }

    private static string Source(string redirect)
    {
        var address = new Uri(redirect);
        return address.Scheme is "http" or "https" ? address.IsLoopback ? $"{address.Scheme}://{address.Host}:*" : address.GetLeftPart(UriPartial.Authority) : $"{address.Scheme}:";
    }
}
