using System.Collections.Immutable;
using System.Runtime.Loader;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Primitives;
using Nexus;
using Nexus.Crashes;
using Nexus.Kernel.Plugins;

// Usage: Nexus.Crashes FAULT TIMES [host]. Lets an exception escape in the named way, from the plugin's copy of this
// assembly or, with "host", from the host's own, and prints what the host was told to do; "survived" comes last.
var times = int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture);
var plugins = new PrintingPlugins();
await using var services = new ServiceCollection().AddLogging().AddNexusPlugins(new PluginsOptions()).AddSingleton<IPlugins>(plugins).BuildServiceProvider();
foreach (var hosted in services.GetServices<IHostedService>().Where(h => h is not IPlugins))
    await hosted.StartAsync(CancellationToken.None);

var assembly = args is [_, _, "host"] ? typeof(Fault).Assembly : new AssemblyLoadContext("crashy#7", isCollectible: true).LoadFromAssemblyPath(typeof(Fault).Assembly.Location);
var fault = assembly.GetType(typeof(Fault).FullName!)!.GetMethod(args[0])!.CreateDelegate<Action>();
for (var i = 0; i < times; i++)
    fault();

// The pool, timers and new threads still serve the host.
await Task.Delay(200);
await Task.WhenAny(plugins.Asked, Task.Delay(TimeSpan.FromSeconds(times >= 5 ? 20 : 1)));
var thread = new Thread(() => Console.WriteLine("survived"));
thread.Start();
thread.Join();

internal sealed class PrintingPlugins : IPlugins
{
    private readonly TaskCompletionSource asked = new();

    public Task Asked => asked.Task;

    public PlatformSnapshot Current => PlatformSnapshot.Empty;

    public ImmutableArray<PluginStatus> List() => [];

    public IChangeToken GetChangeToken() => new CancellationChangeToken(CancellationToken.None);

    public Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        Console.WriteLine(command is PluginCommand.Quarantine q ? $"quarantine {q.Id}: {q.Cause}" : command.ToString());
        asked.TrySetResult();
        return Task.FromResult(new PluginStatus { Id = command.Id, Version = "1.0.0", State = PluginState.Quarantined });
    }
}
