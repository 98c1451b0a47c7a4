using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Nexus.Leaks;

// Loads this assembly once more as a collectible plugin, lets it leak in the way that the argument names, unloads it,
// prints whether it is still alive, and stays until its input is closed.
var watch = Cycle(args[0]);
for (var i = 0; i < 10 && watch.IsAlive; i++)
{
    GC.Collect();
    GC.WaitForPendingFinalizers();
}

Console.WriteLine(watch.IsAlive ? "alive" : "gone");
Console.In.ReadToEnd();
Process.GetCurrentProcess().Kill();

[MethodImpl(MethodImplOptions.NoInlining)]
static WeakReference Cycle(string leak)
{
    var context = new AssemblyLoadContext("leaky#1", isCollectible: true);
    var plugin = context.LoadFromAssemblyPath(typeof(HostSide).Assembly.Location).GetType(typeof(Leak).FullName!)!;
    var run = plugin.GetMethod(leak) ?? throw new ArgumentException($"No leak is named {leak}.");
    run.Invoke(null, [new Action<Action>(h => HostSide.Changed += h), HostSide.Cache, new Action<object>(o => HostSide.Contract = o), HostSide.Lifetime.Token]);
    context.Unload();
    return new WeakReference(context);
}
