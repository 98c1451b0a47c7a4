using System.Diagnostics;

namespace Nexus.EndToEnd.Tests;

/// <summary>Programs of one's own with the host inside.</summary>
public sealed class ApplicationTests
{
    [Theory]
    [InlineData("basic", "/api/custom/hello/Ada", "Hello, Ada!")]
    [InlineData("api", "/api/custom/tasks/items/", "[]")]
    [InlineData("microservice", "/api/custom/invoicing/count", "0")]
    [InlineData("web", "/api/custom/site/", "<h1>my-shop</h1>")]
    public async Task A_new_application_of_each_kind_builds_runs_and_stops(string template, string path, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-app-").FullName;
        var environment = new Dictionary<string, string> { ["NEXUS_HOST_ROOT"] = Programs.Root };
        try
        {
            var written = await Programs.RunAsync("dotnet", [Programs.Cli, "new", "app", "my-shop", "-t", template], folder, environment);
            Assert.True(written.ExitCode == 0, written.Output + written.Errors);
            var project = Path.Combine(folder, "my-shop");
            var built = await Programs.RunAsync("dotnet", ["build", project, "-v", "q", "-nologo"], project);
            Assert.True(built.ExitCode == 0, built.Output + built.Errors);

            await using var app = await RunningProgram.StartAsync(Path.Combine(project, "bin/Debug/net10.0/MyShop.dll"), project);
            var answer = await app.Client.GetStringAsync(path, TestContext.Current.CancellationToken);

            Assert.Contains(expected, answer, StringComparison.Ordinal);
            Assert.True(await app.StopAsync() == 0, app.Log);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Handlers_run_in_order_around_events_services_and_plugins_and_a_subscriber_learns_of_start_and_stop()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-app-").FullName;
        try
        {
            var written = await Programs.RunAsync("dotnet", [Programs.Cli, "new", "app", "my-shop"], folder, new Dictionary<string, string> { ["NEXUS_HOST_ROOT"] = Programs.Root });
            Assert.True(written.ExitCode == 0, written.Output + written.Errors);
            var project = Path.Combine(folder, "my-shop");
            await File.WriteAllTextAsync(Path.Combine(project, "Program.cs"), Probe, TestContext.Current.CancellationToken);
            var built = await Programs.RunAsync("dotnet", ["build", project, "-v", "q", "-nologo"], project);
            Assert.True(built.ExitCode == 0, built.Output + built.Errors);

            await using var app = await RunningProgram.StartAsync(Path.Combine(project, "bin/Debug/net10.0/MyShop.dll"), project);
            await app.LineAsync("second handler");
            await app.LineAsync("seen app.started my-shop 2.1.0");
            var exit = await app.StopAsync();

            string[] expected =
            [
                "first handler", "tea: 7", "echo Active", "echo Stopped", "echo Active", "second handler",
                "seen app.started my-shop 2.1.0", "seen app.stopping my-shop 2.1.0", "last handler",
            ];
            Assert.True(exit == 0, app.Log);
            Assert.Equal(expected.Where(e => !e.StartsWith("seen", StringComparison.Ordinal)), app.Marked.Where(l => !l.StartsWith("seen", StringComparison.Ordinal)));
            Assert.Equal(expected.Where(e => e.StartsWith("seen", StringComparison.Ordinal)), app.Marked.Where(l => l.StartsWith("seen", StringComparison.Ordinal)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private const string Probe = """
        using System.Text.Json.Nodes;
        using Nexus;

        return await NexusApp.Create("my-shop", "2.1.0")
            .Provide<IShelf>(new Shelf())
            .Add("echo", plugin => plugin.On("app.*", (e, _) =>
            {
                var data = JsonNode.Parse(e.Message.Data.Span)!;
                Console.WriteLine($"# seen {e.Message.Name} {data["app"]} {data["version"]}");
                return Task.CompletedTask;
            }))
            .OnStartup((_, _) => { Console.WriteLine("# first handler"); return Task.CompletedTask; })
            .OnStartup(async (app, token) =>
            {
                Console.WriteLine($"# tea: {await app.GetService<IShelf>().CountAsync("tea")}");
                Console.WriteLine($"# echo {app.FindPlugin("echo")!.State}");
                Console.WriteLine($"# echo {(await app.UnloadPluginAsync("echo", token)).State}");
                Console.WriteLine($"# echo {(await app.LoadPluginAsync("echo", token)).State}");
                await app.EmitAsync("shop.opened", new JsonObject { ["at"] = 8 }, token);
                Console.WriteLine("# second handler");
            })
            .OnShutdown((_, _) => { Console.WriteLine("# last handler"); return Task.CompletedTask; })
            .RunAsync(args);

        [ServiceContract(Name = "shelf")]
        public interface IShelf { Task<int> CountAsync(string sku); }

        public sealed class Shelf : IShelf { public Task<int> CountAsync(string sku) => Task.FromResult(7); }
        """;

    /// <summary>An application in its own process, on a free port.</summary>
    private sealed class RunningProgram : IAsyncDisposable
    {
        private readonly List<string> lines = [];
        private readonly Process process;

        private RunningProgram(string program, string folder, int port)
        {
            Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            process = new Process { StartInfo = new ProcessStartInfo("dotnet", [program, $"--server:port={port}", $"--database:directory={folder}/data"]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true } };
            process.StartInfo.Environment["DOTNET_ENVIRONMENT"] = "Development";
            process.OutputDataReceived += (_, line) => Keep(line.Data);
            process.ErrorDataReceived += (_, line) => Keep(line.Data);
            process.Start();
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        public HttpClient Client { get; }

        public string Log
        {
            get { lock (lines) return string.Join('\n', lines); }
        }

        /// <summary>What the program itself said.</summary>
        public IReadOnlyList<string> Marked
        {
            get { lock (lines) return [.. lines.Where(l => l.StartsWith("# ", StringComparison.Ordinal)).Select(l => l[2..])]; }
        }

        public static async Task<RunningProgram> StartAsync(string program, string folder)
        {
            var running = new RunningProgram(program, folder, RunningHost.FreePort());
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(180);)
            {
                Assert.False(running.process.HasExited, $"the program ended:\n{running.Log}");
                try
                {
                    using var ready = await running.Client.GetAsync("/health/ready");
                    if (ready.IsSuccessStatusCode) return running;
                }
                catch (Exception error) when (RunningHost.IsAway(error))
                {
                    // Not listening yet; the loop is bounded.
                }

                await Task.Delay(50);
            }

            throw new TimeoutException(running.Log);
        }

        public async Task LineAsync(string line)
        {
            var clock = Stopwatch.StartNew();
            while (!Marked.Contains(line))
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), Log);
                await Task.Delay(50);
            }
        }

        public async Task<int> StopAsync()
        {
            using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode;
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
            Client.Dispose();
        }

        private void Keep(string? line)
        {
            if (line is null) return;
            lock (lines) lines.Add(line);
        }
    }
}
