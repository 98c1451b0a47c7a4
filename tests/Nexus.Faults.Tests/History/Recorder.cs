using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace Nexus.Faults.Tests.History;

/// <summary>Keeps what the clients of one run did, on one clock. Thread-safe.</summary>
internal sealed class Recorder(string run)
{
    private static readonly JsonSerializerOptions Lines = new() { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault, Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() } };
    private readonly ConcurrentQueue<Operation> operations = new();
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int numbers;

    /// <summary>Begins the id of everything of this run.</summary>
    public string Run => run;

    public TimeSpan Now => clock.Elapsed;

    public int Count => operations.Count;

    public IReadOnlyList<Operation> All => [.. operations];

    public string NextId() => $"{run}-{Interlocked.Increment(ref numbers)}";

    public void Add(Operation operation) => operations.Enqueue(operation);

    /// <summary>Fails with the first violations, the seed, and the file that has the whole history.</summary>
    public void Require(IReadOnlyCollection<string> violations, int seed)
    {
        if (violations.Count == 0)
            return;
        var file = Path.Combine(Path.GetTempPath(), $"nexus-history-{run}-{seed}.jsonl");
        File.WriteAllLines(file, operations.Select(o => JsonSerializer.Serialize(o, Lines)));
        Assert.Fail($"{violations.Count} violations in {operations.Count} operations, seed {seed}, history in {file}:\n{string.Join('\n', violations.Take(10))}");
    }

    public override string ToString() => string.Join(", ", operations.GroupBy(o => o.Outcome).OrderBy(g => g.Key).Select(g => $"{g.Count()} {g.Key}"));
}
