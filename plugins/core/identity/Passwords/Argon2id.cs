using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Passwords;

/// <summary>Argon2id (RFC 9106) by the reference implementation that the system ships (<c>libargon2.so.1</c>): 19 MiB, two passes, one lane, as OWASP recommends.</summary>
internal sealed partial class Argon2id : IPasswordHash
{
    private const string Library = "libargon2.so.1";
    private const uint Passes = 2;
    private const uint KibiBytes = 19 * 1024;
    private const uint Lanes = 1;
    private const string Prefix = "$argon2id$";
    private const string Current = "$argon2id$v=19$m=19456,t=2,p=1$";

    /// <summary>Whether the library is there.</summary>
    public static bool IsAvailable { get; } = NativeLibrary.TryLoad(Library, typeof(Argon2id).Assembly, null, out _);

    public bool Made(string encoded) => encoded.StartsWith(Prefix, StringComparison.Ordinal);

    public bool IsDated(string encoded) => !encoded.StartsWith(Current, StringComparison.Ordinal);

    public string Hash(ReadOnlySpan<byte> password)
    {
        Span<byte> salt = stackalloc byte[16];
        RandomNumberGenerator.Fill(salt);
        Span<byte> encoded = stackalloc byte[256];
        var result = HashEncoded(Passes, KibiBytes, Lanes, password, (nuint)password.Length, salt, (nuint)salt.Length, 32, encoded, (nuint)encoded.Length);
        return result == 0 ? Encoding.ASCII.GetString(encoded[..encoded.IndexOf((byte)0)]) : throw new CryptographicException($"Argon2id failed with {result}; at -22 the node lacks the 19 MiB it needs.");
    }

    public bool Verify(ReadOnlySpan<byte> password, string encoded) => Verify(encoded, password, (nuint)password.Length) == 0;

    [LibraryImport(Library, EntryPoint = "argon2id_hash_encoded")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int HashEncoded(uint passes, uint kibiBytes, uint lanes, ReadOnlySpan<byte> password, nuint passwordLength, ReadOnlySpan<byte> salt, nuint saltLength, nuint hashLength, Span<byte> encoded, nuint encodedLength);

    [LibraryImport(Library, EntryPoint = "argon2id_verify", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Verify(string encoded, ReadOnlySpan<byte> password, nuint passwordLength);
}
