using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>A generation with a real provider and a countable lease.</summary>
internal sealed class FakeGeneration(Action<IServiceCollection>? configure = null) : IGeneration, IAsyncDisposable
{
    private readonly ServiceProvider provider = Build(configure);
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource aborting = new();
    private int leases;
    private int entered;
    private volatile bool draining;

    public IServiceProvider Services => provider;

    public CancellationToken Stopping => stopping.Token;

    public CancellationToken Aborting => aborting.Token;

    public int Leases => Volatile.Read(ref leases);

    public int Entered => Volatile.Read(ref entered);

    /// <summary>Called whenever it refuses a lease.</summary>
    public Action? OnRefused { get; set; }

    public bool TryEnter()
    {
        Interlocked.Increment(ref leases);
        if (draining)
        {
            Interlocked.Decrement(ref leases);
            OnRefused?.Invoke();
            return false;
        }
        Interlocked.Increment(ref entered);
        return true;
    }

    public void Exit() => Interlocked.Decrement(ref leases);

    public void Drain() => draining = true;

    public void Stop() => stopping.Cancel();

    public void Abort() => aborting.Cancel();

    public ValueTask DisposeAsync() => provider.DisposeAsync();

    private static ServiceProvider Build(Action<IServiceCollection>? configure)
    {
        var services = new ServiceCollection();
        configure?.Invoke(services);
        return services.BuildServiceProvider();
    }
}
