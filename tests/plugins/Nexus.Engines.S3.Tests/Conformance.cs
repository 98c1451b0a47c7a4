using Nexus.Conformance;

namespace Nexus.Engines.S3.Tests;

public sealed class S3_conforms : BlobConformance
{
    private S3Server? _server;

    protected override async ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync()
    {
        _server = await S3Server.StartAsync();
        var set = await _server.OpenAsync(("s3:prefix", "/nexus/prod/"));
        return (set.Store, new Both(set, _server));
    }

    private sealed class Both(BlobSet set, S3Server server) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await set.DisposeAsync();
            await server.DisposeAsync();
        }
    }
}
