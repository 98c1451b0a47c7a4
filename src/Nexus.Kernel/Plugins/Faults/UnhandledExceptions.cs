using System.Runtime.ExceptionServices;

namespace Nexus.Kernel.Plugins.Faults;

/// <summary>An exception that left a thread, an async void method, a pool work item or a timer of a plugin. Text only: the exception's type may be the plugin's own.</summary>
internal sealed record PluginFault(string Plugin, long Generation, string Error, string StackTrace);

/// <summary>The process's one handler of unhandled exceptions. It swallows those of plugins and lets all others end the process, as a bug of the host must.</summary>
/// <remarks>The runtime takes one handler for the life of the process; hosts come and go below it. Stack overflow, <see cref="Environment.FailFast(string)"/>, access violations and native crashes do not come here: against these only a process of its own helps.</remarks>
internal static class UnhandledExceptions
{
    private static readonly Lock Gate = new();
    private static Action<PluginFault>? listeners;
    private static bool installed;

    /// <summary>Calls <paramref name="listener"/>, on the failed thread, for every fault of a plugin until the result is disposed.</summary>
    public static IDisposable Listen(Action<PluginFault> listener)
    {
        lock (Gate)
        {
            if (!installed)
                ExceptionHandling.SetUnhandledExceptionHandler(Handle);
            installed = true;
            listeners += listener;
            return new Listening(listener);
        }
    }

    private static bool Handle(Exception exception)
    {
        try
        {
            if (listeners is not { } listening || Blame.Of(exception) is not { } blamed)
                return false;
            listening(new PluginFault(blamed.Plugin, blamed.Generation, $"{exception.GetType().FullName}: {exception.Message}", exception.StackTrace ?? ""));
            return true;
        }
        catch
        {
            // An exception out of here would end the process without the first one being told.
            return false;
        }
    }

    private sealed class Listening(Action<PluginFault> listener) : IDisposable
    {
        public void Dispose()
        {
            lock (Gate)
                listeners -= listener;
        }
    }
}
