using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.Health;

namespace Nexus.Gateway.Grpc.Services;

/// <summary><c>grpc.health.v1.Health</c>: the node by the empty name, a service by its own.</summary>
internal sealed class HealthMethods
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private readonly HealthRoutes health;
    private readonly IPlugins plugins;
    private readonly TimeProvider time;

    public HealthMethods(HealthRoutes health, IPlugins plugins, TimeProvider time)
    {
        (this.health, this.plugins, this.time) = (health, plugins, time);
        var request = File.Message("HealthCheckRequest").Add("service", 1, ProtoKind.Text);
        var response = File.Message("HealthCheckResponse");
        var status = new ProtoEnum("ServingStatus", response.FullName + ".ServingStatus");
        foreach (var (name, number) in new[] { ("UNKNOWN", 0), ("SERVING", 1), ("NOT_SERVING", 2), ("SERVICE_UNKNOWN", 3) })
            status.Values.Add((name, number, name));
        response.Enums.Add(status);
        response.Add(new ProtoField("status", 1, ProtoKind.Enum) { Enum = status });
        var service = File.Service("Health");
        service.Add("Check", request, response, CheckAsync);
        service.Add("Watch", request, response, WatchAsync, serverStreams: true);
    }

    /// <summary>The file.</summary>
    public ProtoFile File { get; } = new("grpc/health/v1/health.proto", "grpc.health.v1");

    /// <summary>Finds a service by its full name, with the plugin that it is about; set by the schema that serves.</summary>
    public Func<string, (bool Known, string? Plugin)> Find { get; set; } = static _ => default;

    private async Task CheckAsync(GrpcCall call)
    {
        var request = await call.ReadOneAsync();
        var name = request.TryGetProperty("service", out var given) ? given.GetString()! : "";
        var status = await StatusAsync(name, call.Stop);
        if (status == "SERVICE_UNKNOWN")
            throw new GrpcException(GrpcCode.NotFound, $"This node serves no {name}.");
        await SendAsync(call, status);
    }

    private async Task WatchAsync(GrpcCall call)
    {
        var request = await call.ReadOneAsync();
        var name = request.TryGetProperty("service", out var given) ? given.GetString()! : "";
        string? last = null;
        while (true)
        {
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using (plugins.GetChangeToken().RegisterChangeCallback(static done => ((TaskCompletionSource)done!).TrySetResult(), changed))
            {
                if (await StatusAsync(name, call.Stop) is var status && status != last)
                    await SendAsync(call, last = status);
                // Health that no swap changes is looked at now and then.
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
                await Task.WhenAny(changed.Task, Task.Delay(Pause, time, pause.Token));
                await pause.CancelAsync();
                call.Stop.ThrowIfCancellationRequested();
            }
        }
    }

    private async Task<string> StatusAsync(string name, CancellationToken stop)
    {
        var (known, plugin) = name.Length == 0 ? (true, null) : Find(name);
        if (!known)
            return "SERVICE_UNKNOWN";
        if (plugin is not null)
            return plugins.List().FirstOrDefault(p => p.Id == plugin) is { State: PluginState.Active, Health.Status: not HealthLevel.Unhealthy } ? "SERVING" : "NOT_SERVING";
        return (await health.CheckAsync(stop)).Status == HealthLevel.Unhealthy ? "NOT_SERVING" : "SERVING";
    }

    private static ValueTask SendAsync(GrpcCall call, string status) => call.WriteAsync(json =>
    {
        json.WriteStartObject();
        json.WriteString("status", status);
        json.WriteEndObject();
    });
}
