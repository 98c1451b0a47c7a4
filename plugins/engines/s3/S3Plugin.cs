using Nexus.Engines.S3.Blobs;
using Nexus.Engines.S3.Connections;

namespace Nexus.Engines.S3;

/// <summary>The store of blobs <c>s3</c>. The host loads it before there is a storage and opens it when <c>blobs.type</c> names it; otherwise it does nothing.</summary>
public sealed class S3Plugin : IPlugin, IBlobEngine, ICheckHealth
{
    private volatile Func<CancellationToken, ValueTask<PluginHealth>>? _check;

    /// <inheritdoc/>
    public string Name => "s3";

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        // The store was opened before plugins start; it declares nothing that is swapped.
    }

    /// <inheritdoc/>
    public async ValueTask<BlobSet> OpenAsync(BlobOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var bucket = new Bucket(S3Settings.Read(options.Settings.GetSection("s3")));
        try
        {
            await bucket.CheckAsync(cancellationToken);
        }
        catch
        {
            bucket.Dispose();
            throw;
        }

        _check = bucket.CheckHealthAsync;
        return new BlobSet(new S3Blobs(bucket))
        {
            CheckHealth = bucket.CheckHealthAsync,
            Close = () =>
            {
                bucket.Dispose();
                return ValueTask.CompletedTask;
            },
        };
    }

    /// <inheritdoc/>
    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) =>
        _check is { } check ? await check(cancellationToken) : PluginHealth.Healthy;
}
