namespace Nexus.Faults.Tests.Nodes;

/// <summary>A fault that lasts until it is disposed, also when the test fails meanwhile: the next test finds a cluster that is whole.</summary>
internal sealed class Outage : IAsyncDisposable
{
    private readonly Func<Task> repair;

    private Outage(Func<Task> repair) => this.repair = repair;

    public static async Task<Outage> BeginAsync(Func<Task> fault, Func<Task> repair)
    {
        await fault();
        return new Outage(repair);
    }

    public async ValueTask DisposeAsync() => await repair();
}
