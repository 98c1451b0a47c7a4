using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>The fields of a stored record, found by one scan.</summary>
internal sealed class StoredFields
{
    private readonly ReadOnlyMemory<byte> json;
    private readonly Slice[] slices;

    public StoredFields(FieldTable fields, ReadOnlyMemory<byte> json)
    {
        this.json = json;
        slices = new Slice[fields.All.Length + ObjectScan.Platform.Length];
        var reader = new Utf8JsonReader(json.Span, ObjectScan.Options);
        reader.Read();
        // A field that the resource no longer has is left behind; that is no error of the caller.
        ObjectScan.Read(fields, json.Span, ref reader, slices, platform: true, new FieldErrors());
    }

    public ReadOnlyMemory<byte> Find(int field) => slices[field].IsEmpty ? default : json[slices[field].Start..slices[field].End];
}

/// <summary>Whether two JSON texts are one value of a field.</summary>
internal static class JsonEquality
{
    public static bool Same(ReadOnlySpan<byte> given, ReadOnlySpan<byte> stored, FieldShape field)
    {
        if (stored.IsEmpty)
        {
            stored = field.Default ?? "null"u8;
        }

        if (given.SequenceEqual(stored))
        {
            return true;
        }

        // An equal value in another spelling (an instant in another offset, members in another order) is equal in canonical form.
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(buffer, RecordComposer.WriterOptions);
        var errors = new FieldErrors();
        var reader = new Utf8JsonReader(given, ObjectScan.Options);
        reader.Read();
        new FieldWriter(writer, errors).Write(field, given, ref reader);
        writer.Flush();
        return !errors.Any && buffer.WrittenSpan.SequenceEqual(stored);
    }
}
