namespace Nexus;

/// <summary>Something outside of the plugins that the node needs, such as its storage. The host registers one for each; <c>/health</c> asks them all.</summary>
public interface IDependencyHealth
{
    /// <summary>Name in <c>/health</c>, such as <c>storage</c>.</summary>
    string Name { get; }

    /// <summary>Without it the node cannot serve: its failure answers 503 instead of <c>degraded</c>.</summary>
    bool Essential { get; }

    /// <summary>A cheap check; cut after a few seconds.</summary>
    ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken);
}
