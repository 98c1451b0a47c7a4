namespace Nexus.Diagnostics;

/// <summary>A kind of root with the way out of it.</summary>
/// <param name="Name">Stable word.</param>
/// <param name="Text">What happened, for people.</param>
/// <param name="Remedy">What to change in the plugin.</param>
/// <param name="Marks">Names of types, one of which stands in the chain; a prefix when it ends in <c>*</c>.</param>
internal sealed record Cause(string Name, string Text, string Remedy, params string[] Marks)
{
    public static readonly Cause Thread = new("thread", "a thread runs code of the plugin", "End the thread in StopAsync: give its loop a CancellationToken, cancel it and join.");

    public static readonly Cause Handle = new("gc-handle", "a GCHandle holds an object of the plugin", "Free every GCHandle in StopAsync or Dispose, also those made for native callbacks.");

    public static readonly Cause ThreadStatic = new("thread-static", "a thread-static field holds an object of the plugin", "Clear the field in StopAsync; better, keep the value in a service of the plugin.");

    public static readonly Cause StaticField = new("static-field", "a static field outside the plugin holds an object of it", "Remove what the plugin put there in StopAsync; a cache outside the plugin keys by text, not by the plugin's types.");

    public static readonly Cause StaticEvent = new("static-event", "a static event or callback outside the plugin holds a handler of it", "Unsubscribe in StopAsync with -=.");

    public static readonly Cause Stack = new("stack", "a local variable of a running method holds an object of the plugin", "Wait for the call to end; if it never does, pass it a CancellationToken.");

    public static readonly Cause Finalizer = new("finalizer", "an object of the plugin waits for its finalizer", "Nothing, if it is gone after the next collection; else the finalizer hangs: do not block in finalizers.");

    public static readonly Cause WeakTable = new("conditional-weak-table", "a ConditionalWeakTable has a value of the plugin for a key that outlives it", "Remove the entry in StopAsync, or keep the table in the plugin.");

    public static readonly Cause Unknown = new("root", "a root of the runtime holds an object of the plugin", "Follow the path.");

    /// <summary>Causes that show by a type in the chain, the most telling first: a timer that drives a task is told as the task.</summary>
    public static readonly IReadOnlyList<Cause> ByType =
    [
        new("file-watcher", "a FileSystemWatcher of the plugin is not disposed", "Dispose the FileSystemWatcher in StopAsync.", "System.IO.FileSystemWatcher*"),
        new("meter", "a Meter or MeterListener of the plugin is not disposed", "Take meters from IMeterFactory, which the host disposes; dispose a MeterListener yourself.", "System.Diagnostics.Metrics.*"),
        new("activity", "an ActivityListener or ActivitySource of the plugin is not disposed", "Dispose it in StopAsync.", "System.Diagnostics.ActivityListener", "System.Diagnostics.ActivitySource", "System.Diagnostics.SynchronizedList<System.Diagnostics.Activity*"),
        new("registered-wait", "a wait registered with the thread pool is not unregistered", "Call RegisteredWaitHandle.Unregister in StopAsync.", "System.Threading.RegisteredWaitHandle", "System.Threading.PortableThreadPool+WaitThread*"),
        new("token-registration", "a callback registered on a CancellationToken that outlives the plugin", "Dispose the CancellationTokenRegistration, or register on a token of the plugin's own.", "System.Threading.CancellationTokenSource+CallbackNode", "System.Threading.CancellationTokenSource+Registrations"),
        new("thread-local", "a ThreadLocal of the plugin is not disposed", "Dispose the ThreadLocal in StopAsync, or use a service of the plugin instead.", "System.Threading.ThreadLocal*"),
        new("endless-task", "a task of the plugin goes on", "Give the loop a CancellationToken and cancel it in StopAsync; await its end.", "System.Threading.Tasks.Task+DelayPromise*", "System.Threading.Tasks.Task+CancellationPromise*", "System.Runtime.CompilerServices.AsyncTaskMethodBuilder*", "System.Runtime.CompilerServices.AsyncVoidMethodBuilder*"),
        new("timer", "a timer of the plugin runs", "Dispose the timer in StopAsync, or use AddSchedule.", "System.Threading.TimerQueueTimer", "System.Threading.TimerQueue", "System.Threading.Timer", "System.Timers.Timer", "System.Threading.PeriodicTimer*"),
        new("async-local", "an AsyncLocal value of the plugin was captured in an ExecutionContext", "Set the AsyncLocal to null at the end, and start long-lived work under ExecutionContext.SuppressFlow().", "System.Threading.ExecutionContext", "System.Threading.AsyncLocal*", "System.Threading.IAsyncLocal*"),
        new("type-description", "a TypeDescriptor provider or attached value keeps a type of the plugin", "Remove the provider in StopAsync with TypeDescriptor.RemoveProvider.", "System.ComponentModel.*"),
    ];

    public bool IsMarkedBy(string type) => Marks.Any(m => m[^1] == '*' ? type.StartsWith(m[..^1], StringComparison.Ordinal) : type == m);
}
