using System.Collections.Immutable;
using System.Text;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Decodes a file by evidence: a mark at its start, what its bytes can be, and only then what it says of itself.</summary>
/// <param name="Value">The text, without byte order mark.</param>
/// <param name="Encoding">Web name of the encoding.</param>
/// <param name="Reason">Why that one.</param>
internal sealed record StatementText(string Value, string Encoding, string Reason)
{
    /// <summary>Encodings between which the evidence does not decide; empty when it does.</summary>
    public ImmutableArray<ReadingOption> Doubt { get; init; } = [];

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Decodes.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="declared">What the file says of itself, or null.</param>
    /// <param name="answer">What a profile says, or null; it wins.</param>
    /// <exception cref="NexusException"><c>PAYLOAD_TOO_LARGE</c>, or <c>IMPORT_UNREADABLE</c> for what is not text.</exception>
    public static StatementText Decode(ReadOnlySpan<byte> bytes, string? declared = null, string? answer = null)
    {
        if (bytes.Length > ReadingLimits.Bytes) throw new NexusException(ErrorCodes.PayloadTooLarge, $"The statement has {bytes.Length:N0} bytes; at most {ReadingLimits.Bytes:N0} are read. Export a shorter period.");
        var text = answer is not null ? ByName(bytes, answer, "the profile says so") : ByEvidence(bytes, declared);
        if (text.Value.Contains('\0')) throw new NexusException(ErrorCodes.ImportUnreadable, $"The file is not text: it has a zero character at line {LineOf(text.Value, text.Value.IndexOf('\0'))}. Export it as OFX, QIF or CSV.");
        return text;
    }

    /// <summary>Line of a position, from 1.</summary>
    public static int LineOf(string text, int position) => 1 + text.AsSpan(0, position).Count('\n');

    private static StatementText ByEvidence(ReadOnlySpan<byte> bytes, string? declared)
    {
        if (bytes.StartsWith("\uFEFF"u8)) return Strict(bytes[3..], "its byte order mark") ?? ByName(bytes[3..], "windows-1252", "its mark says UTF-8 but its bytes are not");
        if (bytes is [0xFF, 0xFE, 0, 0, ..]) return new(WideUtf().GetString(bytes[4..]), "utf-32", "its byte order mark");
        if (bytes is [0xFF, 0xFE, ..]) return new(System.Text.Encoding.Unicode.GetString(bytes[2..]), "utf-16", "its byte order mark");
        if (bytes is [0xFE, 0xFF, ..]) return new(System.Text.Encoding.BigEndianUnicode.GetString(bytes[2..]), "utf-16BE", "its byte order mark");
        if (WideOrder(bytes) is { } wide) return new(wide.GetString(bytes), wide.WebName, "every other byte is zero");
        if (!bytes.ContainsAnyInRange((byte)0x80, (byte)0xFF)) return new(System.Text.Encoding.ASCII.GetString(bytes), "us-ascii", "it has no byte above 127");
        if (Strict(bytes, "its bytes form UTF-8") is { } utf8) return utf8;
        if (declared is not null && Find(declared) is { IsSingleByte: true } named && !IsWestern(named)) return new(named.GetString(bytes), named.WebName, "the file says so");
        var (western, reason) = bytes.ContainsAnyInRange((byte)0x80, (byte)0x9F) ? ("windows-1252", "it has bytes that only Windows uses")
            : bytes.Contains((byte)0xA4) ? ("iso-8859-15", "it has the euro sign of ISO 8859-15")
            : ("iso-8859-1", "it is not UTF-8 and has no byte that only Windows uses");
        return EncodingEvidence.Find(bytes, western, out var doubt) is { } found ? ByName(bytes, found.Name, found.Reason) : ByName(bytes, western, reason) with { Doubt = doubt };
    }

    private static bool IsWestern(Encoding encoding) => encoding.CodePage is 1252 or 28591 or 20127;

    private static StatementText? Strict(ReadOnlySpan<byte> bytes, string reason)
    {
        try
        {
            return new(StrictUtf8.GetString(bytes), "utf-8", reason);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static Encoding? WideOrder(ReadOnlySpan<byte> bytes)
    {
        var sample = bytes[..(Math.Min(bytes.Length, 4096) & ~1)];
        var (even, odd) = (0, 0);
        for (var i = 0; i < sample.Length; i += 2)
        {
            if (sample[i] == 0) even++;
            if (sample[i + 1] == 0) odd++;
        }
        var half = sample.Length / 4;
        if (sample.Length < 4) return null;
        return odd > half && even == 0 ? System.Text.Encoding.Unicode : even > half && odd == 0 ? System.Text.Encoding.BigEndianUnicode : null;
    }

    private static StatementText ByName(ReadOnlySpan<byte> bytes, string name, string reason) =>
        Find(name) is { } encoding
            ? new(encoding.GetString(bytes).TrimStart('\uFEFF'), encoding.WebName, reason)
            : throw new NexusException(ErrorCodes.ImportUnreadable, $"There is no encoding \"{ReadingLimits.Short(name)}\"; write one such as utf-8, windows-1252, iso-8859-15 or windows-1250.");

    private static UTF32Encoding WideUtf() => new(bigEndian: false, byteOrderMark: false);

    private static Encoding? Find(string name)
    {
        var known = name.Trim().ToLowerInvariant() switch
        {
            "1252" or "cp1252" or "ansi" => "windows-1252",
            "utf8" or "unicode" => "utf-8",
            "latin1" or "latin-1" => "iso-8859-1",
            var n when n.Length is 4 && n.All(char.IsAsciiDigit) => $"windows-{n}",
            var n when n.StartsWith("8859-", StringComparison.Ordinal) => $"iso-{n}",
            var n when n.StartsWith("cp125", StringComparison.Ordinal) => $"windows-{n[2..]}",
            var n => n,
        };
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(known) ?? System.Text.Encoding.GetEncoding(known);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
