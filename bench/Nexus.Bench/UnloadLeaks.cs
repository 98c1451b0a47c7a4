using Nexus.Tests.Shared;

namespace Nexus.Bench;

/// <summary>A leak that nothing can cure, with the word by which why-alive must name it.</summary>
internal sealed record UnloadLeak(string Name, string Cause, string Code);

/// <summary>Plugins that leave something behind.</summary>
internal static class UnloadLeaks
{
    public static IReadOnlyList<UnloadLeak> All { get; } =
    [
        new("handler of a process-wide event", "static-event", "AppDomain.CurrentDomain.ProcessExit += new Thing().Exit;"),
        new("handler of an event of the runtime", "static-event", "TaskScheduler.UnobservedTaskException += new Thing().Unobserved;"),
        new("timer that runs", "timer", "Kept = new Timer(static state => ((Thing)state!).Touch(), new Thing(), 1000, 1000);"),
        new("thread that runs", "thread", "new Thread(() => new ManualResetEventSlim().Wait()) { IsBackground = true }.Start();"),
        new("task without an end", "endless-task", "_ = LoopAsync();"),
        new("thread-local value", "thread-local", "PerThread = new ThreadLocal<object>(() => new Thing()); _ = PerThread.Value;"),
        new("captured async-local value", "async-local", "Flowing.Value = new Thing(); AppDomain.CurrentDomain.SetData(\"leak\", ExecutionContext.Capture()); Flowing.Value = null;"),
        new("meter of its own", "meter", "new System.Diagnostics.Metrics.Meter(\"leaky\").CreateObservableGauge(\"leaky\", new Thing().Measure);"),
        new("activity listener", "activity", "System.Diagnostics.ActivitySource.AddActivityListener(new System.Diagnostics.ActivityListener { ShouldListenTo = new Thing().Listens });"),
        new("callback on a token that outlives it", "token-registration", "new CancellationTokenSource(TimeSpan.FromDays(1)).Token.Register(new Thing().Touch);"),
        new("GC handle", "gc-handle", "System.Runtime.InteropServices.GCHandle.Alloc(new Thing());"),
        new("native callback", "gc-handle", "Action callback = new Thing().Touch; System.Runtime.InteropServices.GCHandle.Alloc(callback); System.Runtime.InteropServices.Marshal.GetFunctionPointerForDelegate(callback);"),
        new("value in process-wide data", "static-field", "AppDomain.CurrentDomain.SetData(\"thing\", new Thing());"),
        new("attribute added to a framework type", "type-description", "System.ComponentModel.TypeDescriptor.AddAttributes(typeof(string), new ThingAttribute());"),
        new("wait registered with the pool", "registered-wait", "ThreadPool.RegisterWaitForSingleObject(new ManualResetEvent(false), static (state, _) => ((Thing)state!).Touch(), new Thing(), -1, executeOnlyOnce: false);"),
    ];

    public static string Write(string folder, string id, UnloadLeak leak) => PluginCompiler.Plugin(folder, id, "1.0.0", $$"""
        public sealed class ThePlugin : IPlugin
        {
            private static readonly AsyncLocal<object?> Flowing = new();
            private static ThreadLocal<object>? PerThread;
            private static object? Kept;
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => routes.MapGet("/", () => { Leak(); return "leaked"; }));
            private static void Leak() { {{leak.Code}} }
            private static async Task LoopAsync() { while (true) await Task.Delay(TimeSpan.FromSeconds(30)); }
            private sealed class Thing
            {
                private int touched;
                public void Touch() => touched++;
                public int Measure() => touched;
                public bool Listens(System.Diagnostics.ActivitySource source) => touched > 0;
                public void Exit(object? sender, EventArgs e) => touched++;
                public void Unobserved(object? sender, UnobservedTaskExceptionEventArgs e) => touched++;
            }
            [AttributeUsage(AttributeTargets.All)] private sealed class ThingAttribute : Attribute;
        }
        """);
}
