using System.Reflection;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Turns what a plugin threw into a record of the host's own: the exception object itself would keep the plugin's code in memory.</summary>
internal static class PluginFailure
{
    public static NexusException From(PluginManifest manifest, PluginState state, Exception exception)
    {
        var cause = exception;
        while (cause is TargetInvocationException or AggregateException or TypeInitializationException && cause.InnerException is { } inner)
        {
            cause = inner;
        }

        var name = $"{manifest.Name} {manifest.Version}";
        return cause switch
        {
            NexusException known => new NexusException(known.Code, known.Message) { Errors = known.Errors },
            ReflectionTypeLoadException types => new NexusException(ErrorCodes.PluginLoadFailed, $"{name}: {string.Join("; ", types.LoaderExceptions.Select(e => e?.Message).Distinct())}"),
            MissingMemberException or TypeLoadException =>
                new NexusException(ErrorCodes.PluginIncompatible, $"{name} was built against another contract or library than the one it got: {cause.Message} Rebuild it."),
            FileNotFoundException or FileLoadException or BadImageFormatException =>
                new NexusException(ErrorCodes.PluginLoadFailed, $"{name}: {cause.Message.ReplaceLineEndings(" ")} Build it with all its dependencies beside the entry assembly."),
            TimeoutException => new NexusException(ErrorCodes.PluginStartupFailed, $"{name} did not come up in time, it hung while {state}: {cause.Message} Make the work shorter, move it to a task, or raise plugins.startTimeout."),
            _ => new NexusException(Code(state), $"{name} failed while {state}: {cause.GetType().Name}: {new string(cause.Message)}"),
        };
    }

    private static string Code(PluginState state) => state switch
    {
        PluginState.Loading or PluginState.Loaded or PluginState.Validating => ErrorCodes.PluginLoadFailed,
        PluginState.Registering => ErrorCodes.PluginRegistrationFailed,
        _ => ErrorCodes.PluginStartupFailed,
    };
}
