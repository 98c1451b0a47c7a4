using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>
/// Where a page begins: after the n-th record behind a cursor of the store. The store has cursors for ends of pages only; an edge in the middle
/// names the page that it is on and its place there.
/// </summary>
/// <param name="Cursor">Cursor of the store, or null for the beginning.</param>
/// <param name="Skip">Records to pass over behind it.</param>
internal sealed record PageStart(string? Cursor, int Skip)
{
    private const int MaxSkip = 1000;

    /// <summary>The beginning.</summary>
    public static PageStart First { get; } = new(null, 0);

    /// <summary>Reads a cursor of an edge.</summary>
    /// <exception cref="NexusException"><c>CURSOR_INVALID</c>.</exception>
    public static PageStart Read(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return First;
        if (Base64Url.IsValid(text) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)) is var plain
            && plain.IndexOf('~', StringComparison.Ordinal) is > 0 and var end
            && int.TryParse(plain.AsSpan(0, end), NumberStyles.None, CultureInfo.InvariantCulture, out var skip) && skip <= MaxSkip)
            return new PageStart(end + 1 == plain.Length ? null : plain[(end + 1)..], skip);
        throw new NexusException(ErrorCodes.CursorInvalid, "`after` is no cursor that this resource gave.");
    }

    /// <summary>The cursor of an edge.</summary>
    public override string ToString() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Skip}~{Cursor}")));
}
