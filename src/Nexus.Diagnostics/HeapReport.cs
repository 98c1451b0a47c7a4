using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Diagnostics;

/// <summary>What was found of the asked load contexts in a heap.</summary>
/// <param name="Contexts">Names of those that are in memory.</param>
/// <param name="Holds">What holds them, the strongest evidence first; empty when nothing does and the next collection takes them.</param>
internal sealed record HeapReport(IReadOnlyList<string> Contexts, IReadOnlyList<Hold> Holds);

/// <summary>One chain of references that keeps a load context in memory.</summary>
/// <param name="Context">The context.</param>
/// <param name="Cause">Stable word for the kind of root: <c>thread</c>, <c>timer</c>, <c>static-field</c>, …</param>
/// <param name="Text">The root in words.</param>
/// <param name="Remedy">What to change.</param>
/// <param name="Path">The chain from the root to the plugin's object.</param>
internal sealed record Hold(string Context, string Cause, string Text, string Remedy, IReadOnlyList<string> Path);

/// <summary>What the plugins of a process held.</summary>
internal sealed record MemoryReport(IReadOnlyList<HeldBy> Contexts);

/// <summary>What one load context held.</summary>
/// <param name="Context">Its name, <c>{plugin}#{generation}</c>.</param>
/// <param name="Objects">Number of objects that nothing else reaches.</param>
/// <param name="Bytes">Their bytes.</param>
internal sealed record HeldBy(string Context, long Objects, long Bytes);

[JsonSerializable(typeof(MemoryReport))]
[JsonSerializable(typeof(HeapReport))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    /// <summary>Type names keep their signs: the text is for people and never embedded in HTML.</summary>
    public static ReportJson Readable { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
