using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Nexus.Data.Measuring;

/// <summary>The way from the storage to those who listen to what it does. The storage opens before there is a bus, so the way is open from the start of the host on.</summary>
internal sealed class Listeners(IServiceProvider host) : IHostedService
{
    private volatile ISystemEvents? events;

    /// <summary>Whom to tell; null when nobody listens.</summary>
    public ISystemEvents? To(SystemTopic topic) => events is { } known && known.Hears(topic) ? known : null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        events = host.GetService<ISystemEvents>();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        events = null;
        return Task.CompletedTask;
    }
}
