using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation.Planning;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>An entity of whom another subgraph is asked for the rest.</summary>
/// <param name="Hop">What is asked of whom.</param>
/// <param name="Target">The object that the answer goes into.</param>
/// <param name="Key">The entity by its type and its key, with what else is sent; null where something did not come.</param>
/// <param name="Aliases">The names under which the object has what is sent.</param>
internal sealed record HopTarget(Hop Hop, FetchedObject Target, JsonObject Key, string[] Aliases)
{
    /// <summary>Gathers what is sent out of what the object has by now.</summary>
    public static HopTarget Of(Hop hop, FetchedObject target)
    {
        var key = new JsonObject { ["__typename"] = target.Type };
        Field[] fields = [.. hop.Key.Fields, .. hop.Required];
        var aliases = Array.ConvertAll(fields, hop.Selection.AliasOf);
        for (var i = 0; i < fields.Length; i++)
        {
            var (name, value) = (fields[i].Name.Text, target.Values.GetValueOrDefault(aliases[i]) is JsonElement given ? JsonSerializer.SerializeToNode(given) : null);
            key[name] = key[name] is { } other ? Merge(other.DeepClone(), value) : value;
        }
        return new HopTarget(hop, target, key, aliases);
    }

    /// <summary>One value of two that say different things of the same.</summary>
    private static JsonNode? Merge(JsonNode? one, JsonNode? other)
    {
        switch (one, other)
        {
            case (JsonObject fields, JsonObject further):
                foreach (var (name, value) in further)
                    fields[name] = Merge(fields[name]?.DeepClone(), value?.DeepClone());
                return fields;
            case (JsonArray list, JsonArray same) when list.Count == same.Count:
                return new JsonArray([.. list.Zip(same, (a, b) => Merge(a?.DeepClone(), b?.DeepClone()))]);
            default:
                return other ?? one;
        }
    }
}

/// <summary>Takes what one subgraph answered into the composed answer, and puts its errors to the places that they are about.</summary>
internal sealed class AnswerReader(Subgraph subgraph)
{
    private const int MaxFurther = 100;

    /// <summary>What is to be asked of others now.</summary>
    public List<HopTarget> Hops { get; } = [];

    /// <summary>Errors about places that have a value nevertheless, or about none.</summary>
    public List<GraphError> Further { get; } = [];

    /// <summary>Fills an object with what was selected of it.</summary>
    public void Fill(FetchedObject target, JsonElement json, ObjectSelection selection)
    {
        Fill(target, json, selection.Fields);
        foreach (var (alias, _) in selection.Asked)
            target.Values[alias] = json.TryGetProperty(alias, out var key) && key.ValueKind != JsonValueKind.Null ? Whole(key) : null;
        foreach (var hop in selection.Hops)
            Hops.Add(HopTarget.Of(hop, target));
    }

    /// <summary>Fills an object with fields.</summary>
    public void Fill(FetchedObject target, JsonElement json, IEnumerable<SelectedField> fields)
    {
        foreach (var field in fields)
        {
            var value = json.ValueKind == JsonValueKind.Object && json.TryGetProperty(field.Plan.Key, out var found) ? found : default;
            target.Values[field.Plan.Key] = Read(value, field.Plan.Definition.Type, field.Below);
        }
    }

    /// <summary>Puts an error to the place below an object that its path leads to; elsewhere when that is not without a value.</summary>
    public void Place(JsonElement error, FetchedObject target, JsonElement[] path, int from)
    {
        var read = Read(error);
        object? at = target;
        for (var i = from; i < path.Length; i++)
        {
            var below = path[(i + 1)..].Select(Segment).ToArray();
            if (at is FetchedObject inner && path[i].ValueKind == JsonValueKind.String)
            {
                var key = path[i].GetString()!;
                at = inner.Values.GetValueOrDefault(key);
                if (at is null)
                    inner.Values[key] = new Failure(read, below);
            }
            else if (at is object?[] list && path[i].ValueKind == JsonValueKind.Number && path[i].TryGetInt32(out var index) && index >= 0 && index < list.Length)
            {
                at = list[index];
                if (at is null)
                    list[index] = new Failure(read, below);
            }
            if (at is null or Failure)
                return;
        }
        Add(read);
    }

    /// <summary>Keeps an error that is about no place.</summary>
    public void Add(JsonElement error) => Add(Read(error));

    /// <summary>Gives up all that a step would have brought.</summary>
    public static void Fail(FetchedObject target, IEnumerable<SelectedField> fields, GraphError error)
    {
        foreach (var field in fields)
        {
            if (target.Values.GetValueOrDefault(field.Plan.Key) is null)
                target.Values[field.Plan.Key] = new Failure(error, []);
        }
    }

    /// <summary>Gives up all that a step would have brought, and the steps that would have followed it.</summary>
    public static void Fail(FetchedObject target, ObjectSelection selection, GraphError error)
    {
        Fail(target, selection.Fields, error);
        foreach (var hop in selection.Hops)
            Fail(target, hop.Selection, error);
    }

    /// <summary>An error in this node's form: text, code and further facts are the subgraph's.</summary>
    public GraphError Read(JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object)
            return Garbage();
        var message = error.TryGetProperty("message", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : $"The subgraph {subgraph.Name} gives no reason.";
        var known = subgraph.ErrorOf(message, ErrorCodes.InternalError);
        if (!error.TryGetProperty("extensions", out var extensions) || extensions.ValueKind != JsonValueKind.Object)
            return known;
        foreach (var member in extensions.EnumerateObject().Where(member => member.Name is not ("code" or "subgraph" or "requestId")))
            known.Extensions![member.Name] = JsonSerializer.SerializeToNode(Whole(member.Value));
        return extensions.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.String ? known with { Code = code.GetString()! } : known;
    }

    private void Add(GraphError error)
    {
        if (Further.Count < MaxFurther)
            Further.Add(error);
    }

    private object? Read(JsonElement value, GraphType type, Selections? below)
    {
        if (value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
            return null;
        if (type.Nullable is ListType list)
            return value.ValueKind == JsonValueKind.Array ? (object?[])[.. value.EnumerateArray().Select(element => Read(element, list.Element, below))] : new Failure(Garbage(), []);
        if (below is null)
            return Whole(value);
        if (value.ValueKind != JsonValueKind.Object)
            return new Failure(Garbage(), []);
        var name = below.Declared is ObjectType single ? single.Name : value.TryGetProperty(Selections.TypeKey, out var told) && told.ValueKind == JsonValueKind.String ? told.GetString()! : "";
        if (!below.ByType.TryGetValue(name, out var selection))
            return new Failure(Garbage(), []);
        var target = new FetchedObject(name);
        Fill(target, value, selection);
        return target;
    }

    /// <summary>The answer is none that the schema allows.</summary>
    public GraphError Garbage() => subgraph.ErrorOf($"The subgraph {subgraph.Name} answered what its schema does not say.");

    /// <summary>A value that can be read and written as it is: a text with half a character fails here, and not when half of the composed answer has been sent.</summary>
    private static JsonElement Whole(JsonElement value)
    {
        if (JsonMarshal.GetRawUtf8Value(value).IndexOf("\\u"u8) < 0)
            return value;
        using var nowhere = new Utf8JsonWriter(Stream.Null);
        value.WriteTo(nowhere);
        return value;
    }

    private static object Segment(JsonElement segment) => segment.ValueKind == JsonValueKind.Number && segment.TryGetInt32(out var index) ? index : segment.ToString();
}
