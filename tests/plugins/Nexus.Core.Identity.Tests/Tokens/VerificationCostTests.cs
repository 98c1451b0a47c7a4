using System.Diagnostics;

namespace Nexus.Core.Identity.Tests.Tokens;

public sealed class VerificationCostTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_remembered_token_costs_a_small_part_of_a_signature_check()
    {
        using var node = await Node.StartAsync();
        var tokens = Enumerable.Range(0, 400).Select(i => node.Tokens.Issue(Node.Ada with { SessionId = $"s{i}" }).Text).ToArray();
        foreach (var token in tokens.Take(100)) node.Tokens.Verify(token);

        // The best of several parts each: where the machine stood still, nothing was measured.
        var first = tokens.Skip(100).Chunk(50).Min(part => Each(part, t => node.Tokens.Verify(t)));
        var known = Enumerable.Repeat(tokens[0], 20_000).Chunk(1_000).Min(part => Each(part, t => node.Tokens.Verify(t)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        node.Tokens.Verify(tokens[0]);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        output.WriteLine($"first {first.TotalMicroseconds:F1} us, remembered {known.TotalMicroseconds:F2} us, {allocated} bytes");
        Assert.True(known < first / 4, $"first {first}, remembered {known}");
        Assert.Equal(0, allocated);
    }

    private static TimeSpan Each(string[] list, Action<string> verify)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var token in list) verify(token);
        return Stopwatch.GetElapsedTime(start) / list.Length;
    }
}
