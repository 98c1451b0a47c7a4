using System.Collections.Concurrent;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Federation;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>A resource with the plugin that declares it, and its names.</summary>
internal sealed class BoundResource(ActivePlugin plugin, ResourceDescriptor descriptor)
{
    /// <summary>The plugin.</summary>
    public ActivePlugin Plugin { get; } = plugin;

    /// <summary>The resource.</summary>
    public ResourceDescriptor Descriptor { get; } = descriptor;

    /// <summary>Name of its records' type.</summary>
    public string TypeName { get; } = GraphNames.Type(descriptor);

    /// <summary>A call of it on behalf of somebody.</summary>
    public ResourceCall For(SurfaceCall call)
    {
        Plugin.Quota?.Call();
        return new ResourceCall(Plugin, Descriptor, call.Context);
    }
}

/// <summary>A record as the source of fields.</summary>
/// <param name="stored">The record as it is stored.</param>
/// <param name="type">Name of its type, where a field may answer several; else null.</param>
internal sealed class Record(StoredRecord stored, string? type = null)
{
    private JsonElement json;

    /// <summary>The record as it is stored.</summary>
    public StoredRecord Stored { get; } = stored;

    /// <summary>Name of its type, or null.</summary>
    public string? Type { get; } = type;

    /// <summary>Its JSON, parsed when first asked for.</summary>
    public JsonElement Json => json.ValueKind == JsonValueKind.Undefined ? json = JsonElement.Parse(Stored.Json.Span) : json;

    /// <summary>A member of a record or of a group; null when it is absent.</summary>
    public static object? Read(object? source, string name)
    {
        var from = source is Record record ? record.Json : (JsonElement)source!;
        return from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null ? value : null;
    }
}

/// <summary>A page of records.</summary>
/// <param name="Page">The page.</param>
/// <param name="Start">What the caller asked to begin after.</param>
/// <param name="Records">The records of the store's page, also those that lie before the start.</param>
internal sealed record RecordList(RecordPage Page, PageStart Start, Record[] Records);

/// <summary>What resolvers need of a request.</summary>
/// <param name="Context">Caller, tenant, correlation.</param>
internal sealed record SurfaceCall(CallContext Context)
{
    /// <summary>Tells the caller as it is now, for what goes on for long: its roles may have changed meanwhile.</summary>
    public Func<CallContext> Now { get; init; } = () => Context;

    /// <summary>Idempotency key and fingerprint of the request, or null.</summary>
    public IdempotentRequest? Idempotency { get; init; }

    /// <summary>What subgraphs are told of the caller.</summary>
    public PassedHeaders Headers { get; init; } = PassedHeaders.None;

    /// <summary>The event of a subscription that is answered now, or null.</summary>
    public RecordEvent? Event { get; init; }

    /// <summary>Records that this operation has loaded, by resource and id.</summary>
    public ConcurrentDictionary<(string Type, string Id), Record?> Loaded { get; } = new();

    /// <summary>Keeps a record for those that refer to it.</summary>
    public Record Keep(BoundResource resource, StoredRecord stored)
    {
        var record = new Record(stored, resource.TypeName);
        Loaded[(resource.TypeName, stored.Id)] = record;
        return record;
    }
}

/// <summary>An event of a resource on its way to a subscriber.</summary>
/// <param name="Message">The event.</param>
/// <param name="Id">The record.</param>
/// <param name="Record">The record as it is now; null when it is gone.</param>
internal sealed record RecordEvent(EventMessage Message, string Id, Record? Record);
