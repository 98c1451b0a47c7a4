using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Data.Records;

namespace Nexus.Data.Resources;

/// <summary>Encrypts the fields that are marked secret or personal on their way to the store and decrypts them on their way back. In the store such a field is <c>{"$sealed":"…"}</c>, with <c>"$digest"</c> beside it when an index is declared for it; null stays null. A host without <see cref="IFieldProtection"/> stores plain values; what was stored plain is read as it is and sealed by its next write.</summary>
internal sealed class FieldSealing(Func<IFieldProtection?> find)
{
    /// <summary>Member that holds the cipher text.</summary>
    public const string Sealed = ProtectedFields.Sealed;

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lazy<IFieldProtection?> protection = new(find);

    public async ValueTask<StoredRecord> SealAsync(ResourceDescriptor resource, string tenant, StoredRecord record, CancellationToken cancellationToken)
    {
        var shape = RecordShape.For(resource);
        if (!shape.HasProtected || protection.Value is not { } keys)
        {
            return record;
        }

        return await WalkedAsync(shape, tenant, record, async (place, path, value) =>
        {
            var sealedValue = await keys.ProtectAsync(tenant, Encoding.UTF8.GetBytes(value.ToJsonString(Relaxed)), Encoding.UTF8.GetBytes(place), cancellationToken).ConfigureAwait(false);
            var stored = new JsonObject { [Sealed] = Convert.ToBase64String(sealedValue.Span) };
            if (ProtectedFields.IsIndexed(resource, path))
            {
                stored[ProtectedFields.Digest] = await DigestAsync(keys, resource, tenant, path, value, cancellationToken).ConfigureAwait(false);
            }

            return stored;
        }).ConfigureAwait(false);
    }

    public ValueTask<StoredRecord> OpenAsync(ResourceDescriptor resource, string tenant, StoredRecord record, CancellationToken cancellationToken)
    {
        var shape = RecordShape.For(resource);
        if (!shape.HasProtected || record.Json.Span.IndexOf("\"$sealed\""u8) < 0)
        {
            return ValueTask.FromResult(record);
        }

        var keys = protection.Value ?? throw new NexusException(ErrorCodes.StorageUnavailable, $"Record {record.Id} of {resource.Table} has encrypted fields, but this host has no keys to read them.");
        return WalkedAsync(shape, tenant, record, async (place, _, value) =>
        {
            if (value is not JsonObject { Count: 1 or 2 } stored || stored[Sealed]?.GetValueKind() != JsonValueKind.String)
            {
                return value;
            }

            var plain = await keys.UnprotectAsync(tenant, Convert.FromBase64String(stored[Sealed]!.GetValue<string>()), Encoding.UTF8.GetBytes(place), cancellationToken).ConfigureAwait(false);
            return JsonNode.Parse(plain.Span)!;
        });
    }

    /// <summary>A checked filter as the store can carry it out: equality of a protected field is that of its digest.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: another comparison, or a field without an index.</exception>
    public async ValueTask<Filter> RewriteAsync(ResourceDescriptor resource, string tenant, Filter filter, CancellationToken cancellationToken)
    {
        if (protection.Value is not { } keys || !RecordShape.For(resource).HasProtected)
        {
            return filter;
        }

        switch (filter)
        {
            case Filter.And all:
                return new Filter.And(await RewriteAllAsync(all.Parts).ConfigureAwait(false));
            case Filter.Or any:
                return new Filter.Or(await RewriteAllAsync(any.Parts).ConfigureAwait(false));
            case Filter.Not not:
                return new Filter.Not(await RewriteAsync(resource, tenant, not.Part, cancellationToken).ConfigureAwait(false));
            case Filter.Compare compare when ProtectedFields.Covers(resource, compare.Path):
                bool equality = compare.Operator is FilterOperator.Equal or FilterOperator.NotEqual;
                return equality && compare.Value.ValueKind == JsonValueKind.Null ? compare
                    : new Filter.Compare(ProtectedFields.DigestOf(compare.Path), compare.Operator, await DigestAsync(compare.Path, equality, compare.Value).ConfigureAwait(false));
            case Filter.In list when ProtectedFields.Covers(resource, list.Path):
                var digests = ImmutableArray.CreateBuilder<JsonElement>(list.Values.Length);
                foreach (var value in list.Values)
                {
                    digests.Add(await DigestAsync(list.Path, equality: true, value).ConfigureAwait(false));
                }

                return new Filter.In(ProtectedFields.DigestOf(list.Path), digests.DrainToImmutable());
            case Filter.Number number when ProtectedFields.Covers(resource, number.Path):
                throw Unreadable(number.Path);
            default:
                return filter;
        }

        async ValueTask<ImmutableArray<Filter>> RewriteAllAsync(ImmutableArray<Filter> parts)
        {
            var rewritten = ImmutableArray.CreateBuilder<Filter>(parts.Length);
            foreach (var part in parts)
            {
                rewritten.Add(await RewriteAsync(resource, tenant, part, cancellationToken).ConfigureAwait(false));
            }

            return rewritten.DrainToImmutable();
        }

        async ValueTask<JsonElement> DigestAsync(string path, bool equality, JsonElement value)
        {
            if (!equality || !ProtectedFields.IsIndexed(resource, path))
            {
                throw Unreadable(path);
            }

            return JsonSerializer.SerializeToElement(await FieldSealing.DigestAsync(keys, resource, tenant, path, JsonValue.Create(value)!, cancellationToken).ConfigureAwait(false));
        }
    }

    /// <summary>Refuses to sort by what the store cannot read.</summary>
    public void CheckSort(ResourceDescriptor resource, ImmutableArray<SortKey> sort)
    {
        if (protection.Value is not null && sort.FirstOrDefault(s => ProtectedFields.Covers(resource, s.Field)) is { Field: { } path })
        {
            throw new NexusException(ErrorCodes.FilterInvalid, $"`{path}` is encrypted at rest and has no order to sort by.");
        }
    }

    private static NexusException Unreadable(string path) =>
        new(ErrorCodes.FilterInvalid, $"`{path}` is encrypted at rest: it is found by $eq, $ne and $in only, and only when an index is declared for it.");

    private static async ValueTask<string> DigestAsync(IFieldProtection keys, ResourceDescriptor resource, string tenant, string path, JsonNode value, CancellationToken cancellationToken)
    {
        string text = value.GetValueKind() == JsonValueKind.String ? "\"" + value.GetValue<string>() : value.ToJsonString(Relaxed);
        var digest = await keys.DigestAsync(tenant, Encoding.UTF8.GetBytes(text), $"{resource.Table}/{path}", cancellationToken).ConfigureAwait(false);
        return Convert.ToBase64String(digest.Span);
    }

    private static async ValueTask<StoredRecord> WalkedAsync(RecordShape shape, string tenant, StoredRecord record, Func<string, string, JsonNode, ValueTask<JsonNode>> change)
    {
        var root = JsonNode.Parse(record.Json.Span)!.AsObject();
        await WalkAsync(shape.Fields, root, $"{tenant}/{shape.Table}/{record.Id}/", "", change).ConfigureAwait(false);
        return record with { Json = JsonSerializer.SerializeToUtf8Bytes(root, Relaxed) };
    }

    private static async ValueTask WalkAsync(FieldTable fields, JsonObject node, string place, string path, Func<string, string, JsonNode, ValueTask<JsonNode>> change)
    {
        foreach (var field in fields.All)
        {
            if (node[field.Declared.Name] is not { } value)
            {
                continue;
            }

            string own = path + field.Declared.Name;
            if (field.Declared.Secret || field.Declared.Personal)
            {
                var changed = await change(place + own, own, value).ConfigureAwait(false);
                if (changed != value)
                {
                    node[field.Declared.Name] = changed;
                }
            }
            else
            {
                await WalkIntoAsync(field, value, place, own, change).ConfigureAwait(false);
            }
        }
    }

    private static async ValueTask WalkIntoAsync(FieldShape field, JsonNode value, string place, string path, Func<string, string, JsonNode, ValueTask<JsonNode>> change)
    {
        switch (value)
        {
            case JsonObject inner when field.Declared.Kind == FieldKind.Group:
                await WalkAsync(field.Fields, inner, place, path + ".", change).ConfigureAwait(false);
                break;
            case JsonArray list when field.Element is { } element:
                for (int i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } item)
                    {
                        await WalkIntoAsync(element, item, place, string.Create(CultureInfo.InvariantCulture, $"{path}.{i}"), change).ConfigureAwait(false);
                    }
                }

                break;
            case JsonObject map when field.Declared.Kind == FieldKind.Map && field.Element is { } entry:
                foreach (string key in map.Select(m => m.Key).ToArray())
                {
                    if (map[key] is { } item)
                    {
                        await WalkIntoAsync(entry, item, place, $"{path}.{key}", change).ConfigureAwait(false);
                    }
                }

                break;
        }
    }
}
