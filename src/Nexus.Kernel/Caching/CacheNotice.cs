using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Kernel.Caching;

/// <summary>What one node tells the others: forget these keys, these tags have other tokens, these keys were stored by whoever had the claim.</summary>
internal sealed record CacheNotice(string Node)
{
    public const string Channel = "nexus:cache:~notices";

    /// <summary>Keys to forget.</summary>
    public ImmutableArray<string> Keys { get; init; } = [];

    /// <summary>Tags with their new tokens.</summary>
    public ImmutableArray<CacheTag> Tags { get; init; } = [];

    /// <summary>Pattern of keys to forget, or null.</summary>
    public string? Pattern { get; init; }

    public byte[] Write()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("node", Node);
            if (!Keys.IsEmpty)
            {
                json.WriteStartArray("keys");
                foreach (var key in Keys)
                    json.WriteStringValue(key);
                json.WriteEndArray();
            }
            if (!Tags.IsEmpty)
            {
                json.WriteStartObject("tags");
                foreach (var tag in Tags)
                    json.WriteString(tag.Name, tag.Token);
                json.WriteEndObject();
            }
            if (Pattern is not null)
                json.WriteString("pattern", Pattern);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a notice; null when it is none.</summary>
    public static CacheNotice? Read(ReadOnlyMemory<byte> message)
    {
        try
        {
            using var json = JsonDocument.Parse(message);
            var root = json.RootElement;
            return new CacheNotice(root.GetProperty("node").GetString() ?? "")
            {
                Keys = root.TryGetProperty("keys", out var keys) ? [.. keys.EnumerateArray().Select(k => k.GetString()!)] : [],
                Tags = root.TryGetProperty("tags", out var tags) ? [.. tags.EnumerateObject().Select(t => new CacheTag(t.Name, t.Value.GetString()!))] : [],
                Pattern = root.TryGetProperty("pattern", out var pattern) ? pattern.GetString() : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
