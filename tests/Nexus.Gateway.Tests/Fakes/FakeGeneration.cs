using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>A generation with a real provider and a countable lease.</summary>
internal sealed class FakeGeneration(Action<IServiceCollection>? configure = null) : IGeneration, IAsyncDisposable
{
    private readonly ServiceProvider provider = Build(configure);
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource aborting = new();
    private int leases;
    private volatile bool draining;

    public IServiceProvider Services => provider;

    public CancellationToken Stopping => stopping.Token;

    public CancellationToken Aborting => aborting.Token;

    public int Leases => Volatile.Read(ref leases);

    public int Entered { get; private set; }

    public bool TryEnter()
    {
        Interlocked.Increment(ref leases);
        if (draining)
        {
            Interlocked.Decrement(ref leases);
            return false;
        }
        Entered++;
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
