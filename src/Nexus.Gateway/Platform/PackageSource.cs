using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Platform;

/// <summary>Where a package comes from: a path on the node, an http(s) address, or a registry.</summary>
internal static class PackageSource
{
    /// <summary>Runs with a folder or package on this node; what comes from a registry or an address is downloaded first and deleted after.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> when neither names one, or what the download fails with.</exception>
    public static async Task UseAsync(string? path, string? source, HttpContext context, IServiceProvider host, Func<string, Task> run)
    {
        var wanted = path ?? source;
        if (wanted is { Length: > 0 } && Path.IsPathFullyQualified(wanted))
        {
            await run(wanted);
            return;
        }

        if (source is not { Length: > 0 } || host.GetService<IPluginRegistry>() is not { } registry)
            throw new NexusException(ErrorCodes.ValidationError, "The body needs `path`, absolute on the node, or `source`.") { Errors = [new FieldError("/path", "required", "path must be an absolute path of a folder or a .nxp file; source may also be an http(s) address or the id of a plugin in a registry.")] };
        var folder = Directory.CreateTempSubdirectory("nexus-fetch-").FullName;
        try
        {
            await run(await registry.FetchAsync(source, folder, context.RequestAborted));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
