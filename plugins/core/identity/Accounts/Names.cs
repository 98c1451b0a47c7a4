using System.Net.Mail;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Accounts;

/// <summary>What names and addresses may look like, and when two of them are the same.</summary>
internal static class Names
{
    /// <summary>The form in which names are compared: compatibility-composed (so that full-width and ligature look-alikes are one name) and in lower case; null for text that is no Unicode.</summary>
    public static string? Key(string? text)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > 320) return null;
        try
        {
            return text.Trim().Normalize(NormalizationForm.FormKC).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Whether a text can be a name to sign in with: 1 to 64 letters, digits and <c>. _ -</c>, beginning with a letter or digit.</summary>
    public static bool IsUserName(string? text) =>
        text is { Length: >= 1 and <= 64 } && Key(text) is { } key && char.IsLetterOrDigit(text[0]) && key.Length <= 64 && text.All(c => char.IsLetterOrDigit(c) || c is '.' or '_' or '-');

    /// <summary>Whether a text can be an address of mail: at most 254 characters, one <c>@</c>, no display name, no control characters.</summary>
    public static bool IsEmail(string? text) =>
        text is { Length: >= 3 and <= 254 } && text.Count(c => c == '@') == 1 && !text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c is '<' or '>' or '"' or ',' or ';')
        && Key(text) is not null && MailAddress.TryCreate(text, out var address) && address.Address == text;

    /// <summary>Path of the document that holds a name or address for its user, so that no second node can give it away too. The name itself is hashed: paths have a narrower alphabet.</summary>
    public static string Claim(string key) => $"names/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}";
}
