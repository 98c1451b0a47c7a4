using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Leaks;

/// <summary>What keeps the code of a hot plugin in memory after it was unloaded. Errors have no cure at run time; for warnings there are cases that are fine.</summary>
internal static class LeakRules
{
    public static readonly DiagnosticDescriptor Dynamic = Rule("NX2001", DiagnosticSeverity.Error, "dynamic in a hot plugin",
        "This call is bound at run time by `dynamic`; the binder's caches keep the plugin in memory. Use an interface, a generic method or JsonNode.",
        "The runtime binder keeps call sites and the types it met in static tables that nothing can clear.");

    public static readonly DiagnosticDescriptor Newtonsoft = Rule("NX2002", DiagnosticSeverity.Error, "Newtonsoft.Json in a hot plugin",
        "{0} keeps every type that it meets in a static cache, and so the plugin in memory. Use JsonCodec.For<T>() or System.Text.Json.",
        "Newtonsoft.Json's contract resolver and reflection caches are static and cannot be cleared.");

    public static readonly DiagnosticDescriptor Dapper = Rule("NX2003", DiagnosticSeverity.Error, "Dapper with the plugin's types",
        "{0} keeps the reader that it emits for {1} in a static cache, and so the plugin in memory. Use ISqlDatabase and build the record from SqlRow.",
        "Dapper caches emitted code by type for the whole process.");

    public static readonly DiagnosticDescriptor StaticEvent = Rule("NX2004", DiagnosticSeverity.Warning, "Subscription to a process-wide event",
        "{0} belongs to the process; this handler keeps the plugin in memory until it is removed. Remove it with -= in StopAsync or Dispose.",
        "An event of a static or process-wide object holds its handlers, and they hold the plugin.", "CompilationEnd");

    public static readonly DiagnosticDescriptor Undisposed = Rule("NX2005", DiagnosticSeverity.Warning, "Nothing disposes this object",
        "{0} stays registered with the runtime until it is disposed, and nothing here does. {1}",
        "Meters, activity sources, timers and watchers are held by static tables of the runtime. What the plugin's container makes, or a class disposes in its own Dispose, goes with the plugin.");

    public static readonly DiagnosticDescriptor OwnThread = Rule("NX2006", DiagnosticSeverity.Warning, "A thread of its own in a hot plugin",
        "A thread keeps the plugin in memory for as long as it runs. Start a task in StartAsync that ends with the lifetime's token, and await it in StopAsync.",
        "A running thread is a root of the garbage collector.");

    public static readonly DiagnosticDescriptor Handle = Rule("NX2007", DiagnosticSeverity.Warning, "A GC handle in a hot plugin",
        "A GCHandle keeps its object, and through it the plugin, until it is freed. Use `fixed`, Memory<T>.Pin or a SafeHandle.",
        "GC handles are roots of the garbage collector.");

    public static readonly DiagnosticDescriptor EndlessTask = Rule("NX2008", DiagnosticSeverity.Warning, "An endless task without a token",
        "This task loops for ever and looks at no CancellationToken, so the plugin cannot leave memory. End it with IHostApplicationLifetime.ApplicationStopping.",
        "A running task holds the code that it runs.");

    public static readonly DiagnosticDescriptor Registration = Rule("NX2009", DiagnosticSeverity.Warning, "A process-wide registration",
        "{0} registers with the whole process and cannot be taken back when the plugin is unloaded. {1}",
        "Registrations of the runtime live as long as the process.");

    public static readonly DiagnosticDescriptor BlockingConfigure = Rule("NX2010", DiagnosticSeverity.Warning, "Configure blocks or does I/O",
        "{0} in Configure holds up the loading of all plugins and cannot be cancelled. Move it to IStart.StartAsync.",
        "Configure only declares; work at start belongs into IStart.StartAsync, which is bounded, cancellable and undone by a rollback.");

    public static DiagnosticDescriptor[] All { get; } =
        [Dynamic, Newtonsoft, Dapper, StaticEvent, Undisposed, OwnThread, Handle, EndlessTask, Registration, BlockingConfigure];

    private static DiagnosticDescriptor Rule(string id, DiagnosticSeverity severity, string title, string message, string description, params string[] tags) =>
        new(id, title, message, "Nexus.Unloading", severity, isEnabledByDefault: true, description, customTags: tags);
}
