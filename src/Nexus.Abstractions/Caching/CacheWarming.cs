using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>Fills the cache of one generation: its hosted services start before it is published.</summary>
internal sealed class CacheWarming(IServiceProvider services, Func<IServiceProvider, CancellationToken, Task> warm, TimeSpan? every) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource ending = new();
    private Task rounds = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await WarmAsync(cancellationToken);
        if (every is { } interval)
            rounds = RepeatAsync(interval);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await ending.CancelAsync();
        await rounds.WaitAsync(cancellationToken);
    }

    public void Dispose() => ending.Dispose();

    private async Task RepeatAsync(TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval, services.GetService<TimeProvider>() ?? TimeProvider.System);
        try
        {
            while (await timer.WaitForNextTickAsync(ending.Token))
                await WarmAsync(ending.Token);
        }
        catch (OperationCanceledException)
        {
            // The plugin stops.
        }
    }

    private async Task WarmAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var scope = services.CreateAsyncScope();
            await warm(scope.ServiceProvider, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            services.GetService<ILoggerFactory>()?.CreateLogger("Nexus.Cache").LogWarning("Warming the cache failed: {Reason}", exception.Message);
        }
    }
}
