using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Gateway.Tools;

/// <summary>One thing that a model can ask for, drawn from a descriptor.</summary>
internal sealed record Tool
{
    /// <summary>Name of 1 to 64 letters, digits, <c>_</c> and <c>-</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Name for people.</summary>
    public required string Title { get; init; }

    /// <summary>What it does, for the model.</summary>
    public required string Description { get; init; }

    /// <summary>JSON Schema (2020-12) of its arguments.</summary>
    public required JsonElement Input { get; init; }

    /// <summary>Permission that a caller needs.</summary>
    public required string Permission { get; init; }

    /// <summary>It changes something.</summary>
    public bool Writes { get; init; }

    /// <summary>It removes or overwrites.</summary>
    public bool Destructive { get; init; }

    /// <summary>The same call twice is as once.</summary>
    public bool Repeatable { get; init; }

    /// <summary>It honours <see cref="ToolCall.Idempotency"/>, so that an approved call which was cut off may be made again.</summary>
    public bool Keyed { get; init; }

    /// <summary>Name of the table that it lists; null when it is no list.</summary>
    public string? Lists { get; init; }

    /// <summary>The plugin and the part of it that it is of.</summary>
    public required FailureOrigin Origin { get; init; }

    /// <summary>Carries it out; the policy point is asked within.</summary>
    public required Func<ToolCall, CancellationToken, Task<JsonObject>> Run { get; init; }
}

/// <summary>A call of a tool.</summary>
/// <param name="Context">On whose behalf.</param>
/// <param name="Arguments">Its arguments, an object.</param>
internal sealed record ToolCall(CallContext Context, JsonElement Arguments)
{
    /// <summary>Key of a call that was approved, so that it takes effect once; null otherwise.</summary>
    public IdempotentRequest? Idempotency { get; init; }

    /// <summary>A text among the arguments; null when it is absent.</summary>
    /// <exception cref="NexusException">It is of another type, or absent and <paramref name="required"/>.</exception>
    public string? Text(string name, bool required = false) => Find(name) switch
    {
        null when required => throw Wrong(name, "required", "must be given."),
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        _ => throw Wrong(name, "type", "must be a text."),
    };

    /// <summary>A whole number among the arguments; null when it is absent.</summary>
    /// <exception cref="NexusException">It is not one, or outside of its range.</exception>
    public long? Number(string name, long least, long most) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out var value) && value >= least && value <= most => value,
        _ => throw Wrong(name, "range", $"must be a whole number from {least} to {most}."),
    };

    /// <summary>An object among the arguments; null when it is absent.</summary>
    /// <exception cref="NexusException">It is of another type.</exception>
    public JsonElement? Object(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } found => found,
        _ => throw Wrong(name, "type", "must be an object."),
    };

    /// <summary>Refuses arguments that the tool does not know.</summary>
    /// <exception cref="NexusException">There is one.</exception>
    public void Allow(params ReadOnlySpan<string> names)
    {
        foreach (var given in Arguments.EnumerateObject())
        {
            if (!names.Contains(given.Name))
                throw Wrong(given.Name, "unknown_field", $"is not an argument of this tool; it has {string.Join(", ", names.ToArray())}.");
        }
    }

    private JsonElement? Find(string name) =>
        Arguments.TryGetProperty(name, out var found) && found.ValueKind != JsonValueKind.Null ? found : null;

    private static NexusException Wrong(string name, string code, string message) =>
        new(ErrorCodes.ValidationError, $"The argument {name} {message}") { Errors = [new FieldError("/" + name, code, message)] };
}
