using System.Text.Json;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Refuses a key that one object gives twice: readers disagree on which of the two counts, so that one could check the first and another use the second.
/// The names of the open objects lie on a stack and are compared as bytes; what does not fit there, and names with escapes, is left to the framework's own, slower check.
/// </summary>
internal ref struct JsonNames(ReadOnlySpan<byte> json, Span<JsonNames.Name> open)
{
    /// <summary>Names that the stack holds.</summary>
    public const int Capacity = 64;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 1000 };
    private readonly ReadOnlySpan<byte> json = json;
    private readonly Span<Name> open = open;
    private int count;
    private bool undecided;

    /// <summary>Forgets the names of an object that ended.</summary>
    /// <param name="depth">Depth of what surrounds it.</param>
    public void End(int depth)
    {
        while (count > 0 && open[count - 1].Depth > depth)
            count--;
    }

    /// <summary>Decides what the stack could not.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: a key was given twice.</exception>
    public readonly void Finish()
    {
        if (!undecided)
            return;
        try
        {
            JsonDocument.Parse(json.ToArray(), Strict).Dispose();
        }
        catch (JsonException)
        {
            throw new NexusException(ErrorCodes.BadRequest, "An object of the body gives one key twice; give each once.");
        }
    }

    /// <summary>Looks at a key.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: its object has it already.</exception>
    public void Add(Name name, bool escaped)
    {
        if (undecided)
            return;
        var text = json.Slice(name.Start, name.Length);
        for (var i = count - 1; i >= 0 && open[i].Depth == name.Depth; i--)
        {
            if (open[i].Length == name.Length && json.Slice(open[i].Start, name.Length).SequenceEqual(text))
                throw new NexusException(ErrorCodes.BadRequest, $"The key {System.Text.Encoding.UTF8.GetString(text[..Math.Min(text.Length, 100)])} is given twice in one object (byte {name.Start}); give it once.");
        }
        if (escaped || count == open.Length)
            undecided = true;
        else
            open[count++] = name;
    }

    /// <summary>Place of a key in the text, and the depth of its object.</summary>
    internal readonly record struct Name(int Start, int Length, int Depth);
}
