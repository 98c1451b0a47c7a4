using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>A kernel whose snapshot the test sets.</summary>
internal sealed class FakePlugins : IPlugins, IDisposable
{
    private CancellationTokenSource changed = new();
    private volatile PlatformSnapshot current = PlatformSnapshot.Empty;

    public PlatformSnapshot Current => current;

    public ImmutableArray<PluginStatus> Statuses { get; set; } = [];

    public List<PluginCommand> Commands { get; } = [];

    public Func<PluginCommand, IProgress<PluginProgress>?, Task<PluginStatus>>? OnExecute { get; set; }

    public void Dispose() => changed.Dispose();

    public ImmutableArray<PluginStatus> List() => Statuses;

    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref changed).Token);

    /// <summary>Plugins that are in every snapshot.</summary>
    public ActivePlugin[] Always { get; set; } = [];

    public void Publish(params ActivePlugin[] plugins) => Publish(new PlatformSnapshot(current.Version + 1, [.. plugins, .. Always]));

    public void Publish(PlatformSnapshot snapshot)
    {
        current = snapshot;
        Interlocked.Exchange(ref changed, new CancellationTokenSource()).Cancel();
    }

    public async Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        lock (Commands)
            Commands.Add(command);
        return OnExecute is { } execute ? await execute(command, progress) : new PluginStatus { Id = command.Id, Version = "1.0.0", State = PluginState.Active };
    }

    public static ActivePlugin Plugin(string id = "sample.probe", IGeneration? lease = null, params (string Method, string Pattern, RequestDelegate Handler)[] endpoints) => new()
    {
        Manifest = new PluginManifest { Name = id, Version = "1.0.0", Category = PluginCategory.Custom, Description = "A probe.", Entry = "probe.dll" },
        Generation = 1,
        Lease = lease ?? new FakeGeneration(),
        Endpoints = [.. endpoints.Select(e => new EndpointDescriptor { Methods = e.Method.Length == 0 ? [] : [e.Method], Pattern = e.Pattern, Handler = e.Handler, DisplayName = "Probe " + e.Pattern })],
    };
}
