using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus dev</c>: builds the plugin of this folder, installs it, and swaps it at every save.</summary>
internal static class DevCommand
{
    public static Command Build()
    {
        var folder = new Argument<string>("folder") { Description = "The plugin's folder", DefaultValueFactory = _ => "." };
        var once = new Option<bool>("--once") { Description = "Build, install and stop" };
        var command = new Command("dev", "Build the plugin of this folder, install it, swap it at every save") { folder, once };
        command.SetAction(async (call, cancel) =>
        {
            var project = PluginProject.Find(Path.GetFullPath(call.GetValue(folder)!));
            using var host = Host.Of(call);
            using var own = await StartHostAsync(host, cancel);
            try
            {
                // Watching begins before the first build: a save in the meantime is not lost.
                using var saves = new Saves(project.Folder);
                await project.BuildAsync(cancel);
                await SwapAsync(host, project, Stopwatch.StartNew(), cancel);
                if (!call.GetValue(once)) await WatchAsync(host, project, saves, cancel);
                return ExitCodes.Done;
            }
            finally
            {
                own?.Kill(entireProcessTree: false);
            }
        });
        return command;
    }

    private static async Task WatchAsync(Host host, PluginProject project, Saves saves, CancellationToken cancel)
    {
        Console.WriteLine($"watching {project.Folder}; Ctrl-C stops");
        while (await saves.Changes.WaitToReadAsync(cancel))
        {
            var clock = Stopwatch.StartNew();
            // Editors write in several steps; what comes within this moment is one save.
            await Task.Delay(40, cancel);
            var seen = new HashSet<string>();
            while (saves.Changes.TryRead(out var path)) seen.Add(path);
            try
            {
                var sourcesOnly = seen.All(path => path.EndsWith(".cs", StringComparison.Ordinal));
                if (!sourcesOnly || !await project.CompileAsync(cancel)) await project.BuildAsync(cancel);
                await SwapAsync(host, project, clock, cancel);
            }
            catch (CliException error)
            {
                await Console.Error.WriteLineAsync(error.Message);
            }
        }
    }

    private static bool Concerns(string path) =>
        !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal)
        && Path.GetExtension(path) is ".cs" or ".csproj" or ".json" or ".sql" or ".props" && !Path.GetFileName(path).StartsWith('.');

    private static async Task SwapAsync(Host host, PluginProject project, Stopwatch clock, CancellationToken cancel)
    {
        var answer = await host.PostAsync("/api/v1/plugins", new JsonObject { ["path"] = project.Output, ["update"] = true, ["force"] = true, ["activate"] = true }, cancel);
        Console.WriteLine($"{Output.Get(answer!, "id")} {Output.Get(answer!, "version")} is live, generation {Output.Get(answer!, "generation")}, {clock.ElapsedMilliseconds} ms after the save");
    }

    private static async Task<Process?> StartHostAsync(Host host, CancellationToken cancel)
    {
        try
        {
            await host.GetAsync("/health/live", cancel);
            return null;
        }
        catch (HttpRequestException)
        {
            Console.WriteLine("no host answers; starting one");
            var process = Process.Start(new ProcessStartInfo("dotnet", [HostProgram.Path, $"--server:port={host.Port}", "--security:localAdministrator=true"]))!;
            for (var tries = 0; tries < 150; tries++)
            {
                await Task.Delay(100, cancel);
                if (process.HasExited) throw new CliException($"nexus: the host stopped with exit code {process.ExitCode}.", ExitCodes.Unreachable);
                try
                {
                    await host.GetAsync("/health/live", cancel);
                    return process;
                }
                catch (HttpRequestException)
                {
                    // Not listening yet: the loop bounds the wait.
                }
            }

            throw new CliException("nexus: the host did not answer within 15 s.", ExitCodes.Unreachable);
        }
    }

    /// <summary>Paths that changed below a folder, as they change.</summary>
    private sealed class Saves : IDisposable
    {
        private readonly Channel<string> changes = Channel.CreateBounded<string>(new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropWrite });
        private readonly FileSystemWatcher watcher;

        public Saves(string folder)
        {
            watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName };
            watcher.Changed += Report;
            watcher.Created += Report;
            watcher.Deleted += Report;
            watcher.Renamed += Report;
            watcher.EnableRaisingEvents = true;
        }

        public ChannelReader<string> Changes => changes.Reader;

        public void Dispose() => watcher.Dispose();

        // Builds write by the hundred: what does not concern the plugin must not fill the queue.
        private void Report(object sender, FileSystemEventArgs change)
        {
            if (Concerns(change.FullPath)) changes.Writer.TryWrite(change.FullPath);
        }
    }
}
