using Microsoft.Extensions.DependencyInjection;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Events;
using Nexus.Engines.Redis.Sharing;

namespace Nexus.Engines.Redis;

/// <summary>What nodes share over Redis, as <c>redis.connectionString</c> names it. Without that setting it does nothing.</summary>
public sealed class RedisPlugin : IPlugin, ICheckHealth
{
    private const string Name = "redis";
    private const string Tasks = "tasks";

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services.AddSingleton(services => new RedisClient(SettingsOf(services) ?? throw new InvalidOperationException("redis.connectionString is not set."), services.GetService<TimeProvider>() ?? TimeProvider.System));
        plugin.Services.AddSingleton(services => new RedisStreams(services.GetRequiredService<RedisClient>(), services.GetService<TimeProvider>() ?? TimeProvider.System));
        plugin.Services.AddKeyedSingleton(Tasks, (services, _) => new RedisStreams(services.GetRequiredService<RedisClient>(), services.GetService<TimeProvider>() ?? TimeProvider.System, Tasks));
        plugin.ShareNodes(services => SettingsOf(services) is null ? null : Ports(services.GetRequiredService<RedisClient>(), services.GetRequiredService<RedisStreams>(), services.GetRequiredKeyedService<RedisStreams>(Tasks)));
    }

    /// <inheritdoc/>
    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (SettingsOf(services) is null)
            return PluginHealth.Healthy;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(2));
            var state = await new RedisLevel(services.GetRequiredService<RedisClient>()).LookAsync(limit.Token);
            return new PluginHealth(HealthLevel.Healthy, FormattableString.Invariant($"Redis answers in {state.Latency.TotalMilliseconds:0.0} ms."));
        }
        catch (Exception exception) when (exception is RedisException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return new PluginHealth(HealthLevel.Degraded, exception is RedisException ? exception.Message : "Redis does not answer within 2 s.");
        }
    }

    private static SharedPorts Ports(RedisClient redis, RedisStreams events, RedisStreams tasks) => new(Name)
    {
        Cache = new RedisLevel(redis),
        Broadcast = new RedisBroadcast(redis),
        Leases = new RedisLeases(redis),
        Limits = new RedisLimits(redis),
        Events = events,
        Tasks = tasks,
    };

    private static RedisSettings? SettingsOf(IServiceProvider services)
    {
        if (services.GetService<NodeSettings>()?.Root["redis:connectionString"] is not { Length: > 0 } text)
            return null;
        try
        {
            return RedisSettings.Parse(text);
        }
        catch (FormatException exception)
        {
            throw new NexusException(ErrorCodes.ConfigurationError, $"redis.connectionString is not valid: {exception.Message}");
        }
    }
}
