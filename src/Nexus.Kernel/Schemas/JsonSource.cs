using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Nexus.Kernel.Schemas;

/// <summary>Reads JSON into <see cref="SourceNode"/>s with the line and column of every value.</summary>
internal static class JsonSource
{
    public const int MaxDepth = 32;

    /// <summary>Reads a whole document; null when it cannot be read, which is then among <paramref name="errors"/>.</summary>
    public static SourceNode? Read(ReadOnlySpan<byte> utf8, string source, SourceErrors errors, bool allowComments = false)
    {
        if (utf8.StartsWith(Encoding.UTF8.Preamble))
            utf8 = utf8[Encoding.UTF8.Preamble.Length..];
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions
        {
            MaxDepth = MaxDepth,
            CommentHandling = allowComments ? JsonCommentHandling.Skip : JsonCommentHandling.Disallow,
        });
        var cursor = new Cursor(utf8, source, errors);
        try
        {
            reader.Read();
            var node = ReadValue(ref reader, ref cursor, "");
            reader.Read();
            return node;
        }
        catch (JsonException e)
        {
            // The reader appends its own place, counted from 0, to the message; ours counts from 1 as editors do.
            var text = e.Message.Split(" LineNumber:", 2)[0];
            errors.Add(new SourcePosition(source, (int)(e.LineNumber ?? 0) + 1, (int)(e.BytePositionInLine ?? 0) + 1), "", "syntax", $"not well-formed JSON: {text}");
        }
        catch (InvalidOperationException)
        {
            errors.Add(cursor.At(reader.TokenStartIndex), "", "syntax", "a string is not valid Unicode (broken UTF-8 or half of a surrogate pair)");
        }

        return null;
    }

    private static SourceNode ReadValue(ref Utf8JsonReader reader, ref Cursor cursor, string pointer)
    {
        var position = cursor.At(reader.TokenStartIndex);
        return reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadMap(ref reader, ref cursor, pointer, position),
            JsonTokenType.StartArray => ReadList(ref reader, ref cursor, pointer, position),
            JsonTokenType.String => new SourceNode { Kind = SourceKind.Text, Position = position, Text = reader.GetString()! },
            JsonTokenType.Number => new SourceNode { Kind = SourceKind.Number, Position = position, Text = Encoding.UTF8.GetString(reader.ValueSpan) },
            JsonTokenType.True => new SourceNode { Kind = SourceKind.Boolean, Position = position, Text = "true" },
            JsonTokenType.False => new SourceNode { Kind = SourceKind.Boolean, Position = position, Text = "false" },
            _ => new SourceNode { Kind = SourceKind.Null, Position = position },
        };
    }

    private static SourceNode ReadMap(ref Utf8JsonReader reader, ref Cursor cursor, string pointer, SourcePosition position)
    {
        var members = ImmutableArray.CreateBuilder<SourceMember>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var namePosition = cursor.At(reader.TokenStartIndex);
            var name = reader.GetString()!;
            var path = SourceErrors.Append(pointer, name);
            reader.Read();
            var value = ReadValue(ref reader, ref cursor, path);
            if (lines.TryAdd(name, namePosition.Line))
                members.Add(new SourceMember(name, namePosition, value));
            else
                cursor.Errors.Add(namePosition, path, "duplicate_key", $"key {SourceErrors.Quote(name)} was given already on line {lines[name]}; keep one");
        }

        return new SourceNode { Kind = SourceKind.Map, Position = position, Members = members.DrainToImmutable() };
    }

    private static SourceNode ReadList(ref Utf8JsonReader reader, ref Cursor cursor, string pointer, SourcePosition position)
    {
        var elements = ImmutableArray.CreateBuilder<SourceNode>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            elements.Add(ReadValue(ref reader, ref cursor, $"{pointer}/{elements.Count}"));
        return new SourceNode { Kind = SourceKind.List, Position = position, Elements = elements.DrainToImmutable() };
    }

    /// <summary>Turns byte offsets, which only grow, into lines and columns in one pass over the text.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> text, string source, SourceErrors errors)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _offset;
        private int _line = 1;
        private int _column = 1;

        public SourceErrors Errors { get; } = errors;

        public SourcePosition At(long offset)
        {
            for (; _offset < offset && _offset < _text.Length; _offset++)
            {
                if (_text[_offset] == (byte)'\n')
                {
                    _line++;
                    _column = 1;
                }
                else if ((_text[_offset] & 0xC0) != 0x80)
                {
                    // Continuation bytes of UTF-8 take no column of their own.
                    _column++;
                }
            }

            return new SourcePosition(source, _line, _column);
        }
    }
}
