using System.ComponentModel;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nexus.Leaks;

/// <summary>One method a leak. Each runs in the plugin's copy of this assembly.</summary>
public static class Leak
{
    private static readonly AsyncLocal<object?> Flowing = new();

    private static ThreadLocal<object>? PerThread;

    private static object? Kept;

    public static void None(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => new Thing().Touch();

    public static void StaticEvent(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => subscribe(new Thing().Touch);

    public static void RunningTimer(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        Kept = new Timer(static state => ((Thing)state!).Touch(), new Thing(), 1000, 1000);

    public static void RunningThread(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        new Thread(() => new ManualResetEventSlim().Wait(CancellationToken.None)) { IsBackground = true }.Start();

    public static void EndlessTask(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => _ = LoopAsync();

    public static void ThreadLocalValue(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token)
    {
        PerThread = new ThreadLocal<object>(() => new Thing());
        ((Thing)PerThread.Value!).Touch();
    }

    public static void CapturedAsyncLocal(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token)
    {
        Flowing.Value = new Thing();
        cache["context"] = ExecutionContext.Capture()!;
        Flowing.Value = null;
    }

    public static void UndisposedMeter(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        new Meter("leaky").CreateObservableGauge("leaky", new Thing().Measure);

    public static void UndisposedActivityListener(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        ActivitySource.AddActivityListener(new ActivityListener { ShouldListenTo = new Thing().Listens });

    public static void ProcessExit(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        AppDomain.CurrentDomain.ProcessExit += new Thing().Exit;

    public static void TokenRegistration(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => token.Register(new Thing().Touch);

    public static void AllocatedHandle(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => GCHandle.Alloc(new Thing());

    public static void HostCache(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => cache["leaky"] = new Thing();

    public static void TypeDescription(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        TypeDescriptor.AddAttributes(typeof(string), new ThingAttribute());

    public static void WeakTable(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token)
    {
        var table = new ConditionalWeakTable<object, object>();
        table.Add(cache, new Thing());
        cache["table"] = table;
    }

    public static void ContractStatic(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) => contract(new Thing());

    public static void NativeCallback(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token)
    {
        Action callback = new Thing().Touch;
        GCHandle.Alloc(callback);
        Marshal.GetFunctionPointerForDelegate(callback);
    }

    public static void RegisteredWait(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token) =>
        ThreadPool.RegisterWaitForSingleObject(new ManualResetEvent(false), static (state, _) => ((Thing)state!).Touch(), new Thing(), -1, executeOnlyOnce: false);

    public static void FileWatcher(Action<Action> subscribe, Dictionary<string, object> cache, Action<object> contract, CancellationToken token)
    {
        var watcher = new FileSystemWatcher(AppContext.BaseDirectory) { EnableRaisingEvents = true };
        watcher.Created += new Thing().Seen;
        Kept = watcher;
    }

    private static async Task LoopAsync()
    {
        while (true)
            await Task.Delay(TimeSpan.FromSeconds(30));
    }

    private sealed class Thing
    {
        private int touched;

        public void Touch() => touched++;

        public int Measure() => touched;

        public bool Listens(ActivitySource source) => touched > 0;

        public void Exit(object? sender, EventArgs e) => touched++;

        public void Seen(object sender, FileSystemEventArgs e) => touched++;
    }

    [AttributeUsage(AttributeTargets.All)]
    private sealed class ThingAttribute : Attribute;
}
