using System.Text.RegularExpressions;

namespace Nexus.Architecture.Tests;

/// <summary>A benchmark is run by its name, so its name is in the program, in the command line and in the page about benchmarks.</summary>
public sealed partial class BenchmarkTests
{
    /// <summary>The command line starts this one by another program.</summary>
    private const string OfTheCommandLine = "faults";

    [Fact]
    public void The_command_line_and_the_page_know_every_benchmark()
    {
        string[] names = [.. Program().Matches(Read("bench", "Nexus.Bench", "Benches.cs")).Select(m => m.Groups[1].Value), OfTheCommandLine];
        var command = Names().Match(Read("src", "Nexus.Cli", "Commands", "BenchCommand.cs")).Groups[1].Value;

        Assert.Equal(names.Order(), Quoted().Matches(command).Select(m => m.Groups[1].Value).Append(OfTheCommandLine).Order());
        Assert.Equal(names.Order(), Row().Matches(Read("bench", "README.md")).Select(m => m.Groups[1].Value).Order());
    }

    private static string Read(params string[] path) => File.ReadAllText(Path.Combine([Repository.Root, .. path]));

    [GeneratedRegex("""\["(\w+)"\] = \w+Bench\.RunAsync""")]
    private static partial Regex Program();

    [GeneratedRegex("""string\[\] Names = \[(.*)\];""")]
    private static partial Regex Names();

    [GeneratedRegex("\"(\\w+)\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^\| (?!name)(\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
