using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Nexus;

/// <summary>The nonce by which a page's own inline scripts and styles are told from those that somebody slipped into its text.</summary>
public static class ContentNonce
{
    private static readonly object Key = new();

    /// <summary>The nonce of this request: 24 characters of base64, the same at each call, in the answer's <c>Content-Security-Policy</c> when it is a page. Write it as the attribute <c>nonce</c> of the page's own <c>script</c> and <c>style</c> elements.</summary>
    public static string GetContentNonce(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Items.TryGetValue(Key, out var known))
            return (string)known!;
        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        context.Items[Key] = nonce;
        return nonce;
    }
}
