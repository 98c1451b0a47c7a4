using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Blobs;

namespace Nexus.Data.Registration;

/// <summary>Opens the store of blobs that <c>blobs.type</c> names, and moves into it what the storage engine kept before.</summary>
internal sealed partial class BlobOpening(IServiceProvider services, IConfiguration configuration)
{
    /// <summary>Value of <c>blobs.type</c> for the storage engine's own store.</summary>
    public const string OfTheDatabase = "database";

    /// <summary>Whether a configuration names a store of its own for blobs.</summary>
    public static bool IsAsked(IConfiguration configuration) => configuration["blobs:type"] is { Length: > 0 } type && type != OfTheDatabase;

    /// <summary>The store; null for the storage engine's own.</summary>
    public async Task<BlobSet?> OpenAsync(CancellationToken cancellationToken)
    {
        if (!IsAsked(configuration))
            return null;
        var type = configuration["blobs:type"]!;
        var files = new FolderStorage();
        var engine = type == files.Name ? files : services.GetService<IStorageEngineSource>() is { } plugins ? await plugins.FindBlobsAsync(type, cancellationToken) : null;
        if (engine is null)
        {
            var message = $"blobs.type is '{type}'; known are {OfTheDatabase}, files, and the plugins of the plugin folders, such as s3 with engines.s3.";
            throw new NexusException(ErrorCodes.ConfigurationError, message) { Errors = [new FieldError("blobs.type", "unknown_engine", message)] };
        }

        return await engine.OpenAsync(new BlobOptions(configuration.GetSection("blobs"))
        {
            Time = services.GetService<TimeProvider>() ?? TimeProvider.System,
            Loggers = services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
        }, cancellationToken);
    }

    /// <summary>Moves blobs one by one: each is in the new store before it leaves the old one, so that a move that was cut off goes on at the next start. Several nodes may do so at once.</summary>
    public async Task MoveAsync(IBlobStore from, IBlobStore to, CancellationToken cancellationToken)
    {
        var log = (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Nexus.Blobs");
        var count = 0;
        await foreach (var blob in from.ListAsync(cancellationToken: cancellationToken))
        {
            var source = from.Get(blob.Owner, blob.Tenant);
            if (await source.OpenAsync(blob.Sha256, cancellationToken) is not { } content)
                continue;
            await using (content)
                await to.Get(blob.Owner, blob.Tenant).PutAsync(content, cancellationToken);
            await source.DeleteAsync(blob.Sha256, cancellationToken);
            if (++count % 1_000 == 0)
                Moving(log, count);
        }

        if (count > 0)
            Moved(log, count, configuration["blobs:type"]!);
    }

    [LoggerMessage(1, LogLevel.Information, "{Count} blobs are moved; the node starts when all are.")]
    private static partial void Moving(ILogger log, int count);

    [LoggerMessage(2, LogLevel.Information, "{Count} blobs were moved from the database to {Type}.")]
    private static partial void Moved(ILogger log, int count, string type);
}
