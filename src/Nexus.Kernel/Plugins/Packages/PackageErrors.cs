using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Plugins;

/// <summary>Errors about packages, all of one form: package, file in it, what is wrong and what to do.</summary>
internal static class PackageErrors
{
    public static NexusException Invalid(string package, string file, string problem, Exception? cause = null) =>
        new(ErrorCodes.PluginPackageInvalid, $"{package}: {SourceErrors.Quote(file)}: {problem}.", cause);

    public static NexusException Unreadable(string package, Exception cause) =>
        new(ErrorCodes.PluginPackageInvalid, $"{package}: the package cannot be read: {cause.Message.Split('\n')[0]} Check the file, or pack it again with 'nexus plugin pack'.", cause);

    public static NexusException StoreClosed(string store, Exception cause) =>
        new(ErrorCodes.StorageUnavailable, $"The package store {store} cannot be written, so nothing was installed: {cause.Message.Split('\n')[0]} Give the user {Environment.UserName} that runs the node write access to it, or name another folder by plugins.dataDirectory.", cause);
}
