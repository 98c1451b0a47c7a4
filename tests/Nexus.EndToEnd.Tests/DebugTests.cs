using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What <c>nexus debug</c> takes from a running node is a file of its kind with what the node did in it.</summary>
public sealed class DebugTests
{
    private const string Busy = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes.MapGet("/spin", () => SpinForTheProfile()));

            [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
            private static double SpinForTheProfile()
            {
                var sum = 0d;
                for (var until = System.Environment.TickCount64 + 500; System.Environment.TickCount64 < until;) sum += System.Math.Sqrt(sum + 1);
                return sum;
            }
        }
        """;

    [Fact]
    public async Task A_trace_has_the_requests_of_its_time_and_a_profile_the_method_that_ran()
    {
        await using var host = await StartAsync();
        using var end = new CancellationTokenSource();
        var load = LoadAsync(host, end.Token);

        var trace = await DebugAsync(host, "trace", "--seconds", "3", "-o", "a.nettrace");
        var profile = await DebugAsync(host, "profile", "--seconds", "3", "-o", "a.json");
        await end.CancelAsync();
        await load;

        var bytes = await File.ReadAllBytesAsync(trace);
        Assert.Equal("Nettrace", Encoding.ASCII.GetString(bytes, 0, 8));
        Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes("Microsoft.AspNetCore.Hosting")) > 0);
        Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes("/api/custom/busy/spin")) > 0);
        var frames = JsonNode.Parse(await File.ReadAllTextAsync(profile))!["shared"]!["frames"]!.AsArray().Select(f => (string)f!["name"]!);
        Assert.Contains(frames, f => f.Contains("ThePlugin.SpinForTheProfile", StringComparison.Ordinal));
        if (OperatingSystem.IsLinux())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(trace) | File.GetUnixFileMode(profile));
    }

    [Fact]
    public async Task Counters_are_rows_of_the_runtime_and_of_Nexus_over_time()
    {
        await using var host = await StartAsync();

        var csv = await File.ReadAllLinesAsync(await DebugAsync(host, "counters", "--seconds", "2", "--interval", "0.5", "-o", "a.csv"));
        var json = JsonNode.Parse(await File.ReadAllTextAsync(await DebugAsync(host, "counters", "--seconds", "1", "--interval", "0.5", "-o", "a.json")))!.AsArray();

        Assert.Equal("at,metric,labels,value", csv[0]);
        var heap = csv.Where(l => l.Contains(",dotnet_gc_heap_bytes,,", StringComparison.Ordinal)).ToArray();
        Assert.True(heap.Length >= 2, $"{heap.Length} looks");
        Assert.All(heap, line => Assert.True(double.Parse(line.Split(',')[3], CultureInfo.InvariantCulture) > 0));
        Assert.Contains(csv, l => l.Contains(",nexus_plugin_up,\"plugin=\"\"busy\"\"\",1", StringComparison.Ordinal));
        Assert.Contains(json[0]!["samples"]!.AsArray(), s => (string?)s!["metric"] == "nexus_plugin_up" && (string?)s["labels"] == "plugin=\"busy\"" && (double)s["value"]! == 1);
    }

    [Fact]
    public async Task A_dump_is_the_memory_of_the_node_for_its_owner_alone()
    {
        await using var host = await StartAsync();

        var dump = await DebugAsync(host, "dump", "--type", "mini", "-o", "a.dmp");

        if (!OperatingSystem.IsLinux())
            Assert.Skip("The form of a dump is the system's.");
        await using var file = File.OpenRead(dump);
        var head = new byte[18];
        await file.ReadExactlyAsync(head);
        Assert.Equal("\u007fELF", Encoding.Latin1.GetString(head, 0, 4));
        // e_type 4: a core.
        Assert.Equal(4, head[16]);
        if (OperatingSystem.IsLinux())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(dump));
    }

    [Theory]
    [InlineData("exists; name another file with -o", "trace", "--seconds", "1", "-o", "there")]
    [InlineData("exists; name another file with -o", "dump", "-o", "there")]
    [InlineData("--seconds is 1 to 600", "profile", "--seconds", "601")]
    [InlineData("is another machine", "dump", "-o", "new", "--url", "http://192.0.2.1:8000")]
    [InlineData("does not exist", "counters", "-o", "nowhere/a.csv")]
    [InlineData("Process 999999999 cannot be recorded", "trace", "--pid", "999999999", "--seconds", "1", "-o", "new")]
    public async Task What_cannot_be_recorded_says_why_and_leaves_no_file(string reason, params string[] arguments)
    {
        await using var host = await StartAsync();
        await File.WriteAllTextAsync(Path.Combine(host.Folder, "there"), "kept");

        var (code, _, errors) = await Programs.CliAsync(host, ["debug", .. arguments]);

        Assert.NotEqual(0, code);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(host.Folder, "there")));
        Assert.False(File.Exists(Path.Combine(host.Folder, "new")));
    }

    private static async Task<string> DebugAsync(RunningHost host, params string[] arguments)
    {
        var (code, output, errors) = await Programs.CliAsync(host, ["debug", .. arguments]);
        Assert.True(code == 0, errors + output);
        return Path.Combine(host.Folder, arguments[^1]);
    }

    /// <summary>Requests, one after another, until there were enough.</summary>
    private static async Task LoadAsync(RunningHost host, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
            Assert.True((await host.Client.GetAsync("/api/custom/busy/spin", CancellationToken.None)).IsSuccessStatusCode);
    }

    private static async Task<RunningHost> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-debug-").FullName;
        var host = await RunningHost.StartAsync(PluginCompiler.Plugin(Path.Combine(folder, "busy"), "busy", "1.0.0", Busy));
        Directory.Delete(folder, recursive: true);
        return host;
    }
}
