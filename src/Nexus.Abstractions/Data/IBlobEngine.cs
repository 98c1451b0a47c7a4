using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Nexus;

/// <summary>A store of blobs chosen by name (<c>blobs.type</c>) in place of the storage engine's own. Offered by a core plugin; passes the conformance suite of blobs.</summary>
public interface IBlobEngine
{
    /// <summary>Its name: <c>files</c>, <c>s3</c>, …</summary>
    string Name { get; }

    /// <summary>Connects. Throws <see cref="NexusException"/> with <c>STORAGE_UNAVAILABLE</c>, naming the place and the way out.</summary>
    ValueTask<BlobSet> OpenAsync(BlobOptions options, CancellationToken cancellationToken);
}

/// <summary>What a store of blobs gets at its opening.</summary>
/// <param name="Settings">The section <c>blobs</c> of the configuration.</param>
public sealed record BlobOptions(IConfiguration Settings)
{
    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the store logs.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}

/// <summary>An opened store of blobs.</summary>
/// <param name="Store">The blobs.</param>
public sealed record BlobSet(IBlobStore Store) : IAsyncDisposable
{
    /// <summary>A cheap check that the store answers, with its latency.</summary>
    public required Func<CancellationToken, ValueTask<PluginHealth>> CheckHealth { get; init; }

    /// <summary>Lets go of connections.</summary>
    public required Func<ValueTask> Close { get; init; }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Close();
}
