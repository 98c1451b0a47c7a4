using Microsoft.Extensions.Hosting;

namespace Nexus.Data.Protection;

/// <summary>Opens the master key before any plugin starts where one has to be there: a node that cannot read its fields must not take requests first and fail at them later.</summary>
internal sealed class MasterKeyCheck(KeyRing keys, bool isNeeded) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        if (isNeeded)
            keys.OpenMaster();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
