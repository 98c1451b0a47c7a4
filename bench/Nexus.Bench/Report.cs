using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>One measured figure with the bar that it is held to.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Bar">The bar; null when the figure is only reported.</param>
/// <param name="AtLeast">The figure must be at least the bar; otherwise at most.</param>
/// <param name="Baseline">The figure that it is compared with, taken in the same run; null when there is none.</param>
internal sealed record Bar(string Name, double Value, string Unit, double? Limit = null, bool AtLeast = true, double? Baseline = null)
{
    public bool Ok => Limit is not { } limit || (AtLeast ? Value >= limit : Value <= limit);
}

/// <summary>Prints figures as a table, or as one JSON object.</summary>
internal static class Report
{
    public static int Print(string bench, IReadOnlyList<Bar> bars, bool json)
    {
        if (json)
        {
            Console.WriteLine(new JsonObject
            {
                ["bench"] = bench,
                ["bars"] = new JsonArray([.. bars.Select(b => (JsonNode)new JsonObject
                {
                    ["name"] = b.Name, ["value"] = Math.Round(b.Value, 4), ["unit"] = b.Unit, ["baseline"] = b.Baseline is { } baseline ? Math.Round(baseline, 4) : null,
                    ["bar"] = b.Limit is { } limit ? $"{(b.AtLeast ? ">=" : "<=")} {limit.ToString(CultureInfo.InvariantCulture)}" : null, ["ok"] = b.Ok,
                })]),
                ["machine"] = new JsonObject { ["os"] = RuntimeInformation.OSDescription, ["runtime"] = RuntimeInformation.FrameworkDescription, ["processors"] = Environment.ProcessorCount },
            }.ToJsonString());
        }
        else
        {
            var width = bars.Max(b => b.Name.Length);
            Console.WriteLine($"nexus bench {bench}   {RuntimeInformation.FrameworkDescription}, {Environment.ProcessorCount} processors");
            foreach (var b in bars)
                Console.WriteLine($"  {(b.Ok ? "ok  " : "MISS")} {b.Name.PadRight(width)}  {Number(b.Value),12} {b.Unit,-10}{(b.Baseline is { } baseline ? $" baseline {Number(baseline)}" : "")}{(b.Limit is { } limit ? $"   bar {(b.AtLeast ? "≥" : "≤")} {Number(limit)}" : "")}");
        }

        return bars.All(b => b.Ok) ? 0 : 1;
    }

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 1000 ? "N0" : Math.Abs(value) >= 10 ? "N1" : "0.###", CultureInfo.InvariantCulture);
}
