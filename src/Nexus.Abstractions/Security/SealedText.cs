using System.Buffers.Text;
using System.Text;

namespace Nexus;

/// <summary>
/// A secret that a core plugin keeps as text in its documents: cipher text with the place that it is sealed for beside it. After a rotation it is brought under
/// the new key where it lies, also while the plugin is off. It belongs into documents of the tenant that it is sealed for.
/// </summary>
public static class SealedText
{
    /// <summary>What such a text begins with.</summary>
    public const string Prefix = "$sealed:";

    /// <summary>Encrypts a value as text.</summary>
    /// <inheritdoc cref="IFieldProtection.ProtectAsync"/>
    public static async ValueTask<string> SealAsync(IFieldProtection protection, string tenant, ReadOnlyMemory<byte> value, string place, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(protection);
        ArgumentNullException.ThrowIfNull(place);
        return Write(place, (await protection.ProtectAsync(tenant, value, Encoding.UTF8.GetBytes(place), cancellationToken).ConfigureAwait(false)).Span);
    }

    /// <summary>A cipher text with its place as text.</summary>
    public static string Write(string place, ReadOnlySpan<byte> sealedValue) =>
        $"{Prefix}{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(place))}:{Base64Url.EncodeToString(sealedValue)}";

    /// <summary>Decrypts what <see cref="SealAsync"/> made for this place; what it says itself of its place is not believed. Base64url alone, without prefix and place, is read as a sealed value too.</summary>
    /// <inheritdoc cref="IFieldProtection.UnprotectAsync"/>
    public static ValueTask<ReadOnlyMemory<byte>> OpenAsync(IFieldProtection protection, string tenant, string text, string place, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(protection);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(place);
        var cipher = text.AsSpan(text.StartsWith(Prefix, StringComparison.Ordinal) ? text.LastIndexOf(':') + 1 : 0);
        return Base64Url.IsValid(cipher)
            ? protection.UnprotectAsync(tenant, Base64Url.DecodeFromChars(cipher), Encoding.UTF8.GetBytes(place), cancellationToken)
            : throw new NexusException(ErrorCodes.ProtectionFailed, "The stored text is not an encrypted one.");
    }

    /// <summary>The place and the cipher text that a text holds; null when it is another text.</summary>
    public static (string Place, byte[] Sealed)? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || text.Split(':') is not [_, var place, var cipher] || !Base64Url.IsValid(place) || !Base64Url.IsValid(cipher))
            return null;
        return (Encoding.UTF8.GetString(Base64Url.DecodeFromChars(place)), Base64Url.DecodeFromChars(cipher));
    }
}
