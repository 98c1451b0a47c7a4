using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Tools that plugins declare: those that change something are mutations, the others queries.</summary>
internal sealed class ToolFields(IResourceOperations operations, RecordTypes types, RecordQueries queries)
{
    /// <summary>Adds the tools of a plugin.</summary>
    /// <param name="query">The query type.</param>
    /// <param name="mutation">The mutation type.</param>
    /// <param name="plugin">The plugin.</param>
    /// <param name="records">Types of records, by the table of their resource.</param>
    public void Add(ObjectType query, ObjectType mutation, ActivePlugin plugin, IReadOnlyDictionary<string, (BoundResource Resource, ObjectType Type)> records)
    {
        foreach (var tool in plugin.Tools)
        {
            var name = GraphNames.Camel(plugin.Manifest.Name) + GraphNames.Pascal(tool.Name);
            var type = GraphNames.Pascal(name);
            var input = types.Object(type + "Input", tool.Input, type, partial: false, tool.Description);
            (BoundResource Resource, ObjectType Type)? answer = tool.Returns is { } returns && (records.TryGetValue(returns, out var found) || records.TryGetValue($"{plugin.Manifest.Name}.{returns}", out found)) ? found : null;
            (tool.Writes ? mutation : query).TryAdd(new FieldType(name, answer is { } record ? record.Type : FieldScalars.Any)
            {
                Description = tool.Description,
                Arguments = input.Fields.Count == 0 ? [] : [new InputField("input", input.Fields.Any(field => field.IsRequired) ? input.NonNull : input)],
                Resolve = (_, arguments, run) => RunAsync(plugin, tool, answer?.Resource, InputJson.Write(tool.Input, input.Fields.Count == 0 ? null : arguments["input"]), run),
            });
        }
    }

    private async Task<object?> RunAsync(ActivePlugin plugin, ToolDescriptor tool, BoundResource? answer, ReadOnlyMemory<byte> input, OperationRun run)
    {
        plugin.Quota?.Call();
        var call = (SurfaceCall)run.Context!;
        // What was asked completely is done, whether or not the caller waits for the answer.
        var result = await operations.RunAsync(plugin, tool, call.Context, input, tool.Writes ? CancellationToken.None : run.Cancellation);
        if (tool.Writes)
            call.Loaded.Clear();
        var json = result.IsEmpty ? default : JsonElement.Parse(result.Span);
        if (answer is null)
            return json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : json;
        try
        {
            return json.ValueKind == JsonValueKind.Object && json.TryGetProperty("id", out var id) && id.GetString() is { } named ? await queries.ReadAsync(answer, named, run) : null;
        }
        catch (NexusException exception) when (exception.Code == ErrorCodes.PermissionDenied)
        {
            // Done is done, also for who may not read what came of it.
            return null;
        }
    }
}
