using Nexus.Kernel.Plugins.Unloading;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class UnloadTests
{
    /// <summary>What the framework keeps and the sweep makes it forget; each runs at the start of the plugin.</summary>
    public static TheoryData<string, string> Kept => new()
    {
        { "System.Text.Json", "System.Text.Json.JsonSerializer.Deserialize<Thing>(System.Text.Json.JsonSerializer.Serialize(new Thing { Name = \"x\" }));" },
        { "XmlSerializer", "new System.Xml.Serialization.XmlSerializer(typeof(Thing)).Serialize(Stream.Null, new Thing());" },
        { "loggers and options of its types", "s.GetRequiredService<ILogger<Thing>>().LogInformation(\"{Thing}\", new Thing()); _ = s.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitor<Thing>>().CurrentValue;" },
        { "literals of its code in kept lines", "s.GetRequiredService<ILoggerFactory>().CreateLogger(\"a literal\").LogError(\"another literal\");" },
        { "meters", "s.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>().Create(new System.Diagnostics.Metrics.MeterOptions(\"x\")).CreateObservableGauge(\"y\", () => new Thing().Name.Length);" },
        { "outbound clients", "_ = s.GetRequiredService<System.Net.Http.IHttpClientFactory>().CreateClient(\"x\");" },
        { "type descriptions", "_ = System.ComponentModel.TypeDescriptor.GetProperties(typeof(Thing)); _ = System.ComponentModel.TypeDescriptor.GetConverter(typeof(Thing)); _ = System.ComponentModel.TypeDescriptor.GetAttributes(new Thing());" },
        { "validation", "var thing = new Thing(); System.ComponentModel.DataAnnotations.Validator.TryValidateObject(thing, new(thing), [], true);" },
        { "interpreted expressions", "var held = \"x\"; System.Linq.Expressions.Expression<Func<Thing, bool>> same = thing => thing.Name == held && thing.Next() == null; _ = same.Compile(preferInterpretation: true)(new Thing());" },
        { "dispatch proxies", "_ = System.Reflection.DispatchProxy.Create<IShape, Shaped>().ToString();" },
        { "activated types", "ActivatorUtilities.CreateInstance<Thing>(s);" },
    };

    public static TheoryData<string, string> Leaks => new()
    {
        { "a static event of the host", "AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.Write(new Thing().Name);" },
        { "a timer that nobody disposes", "Thing.Held = new Timer(_ => new Thing(), null, 1000, 1000);" },
    };

    [Theory]
    [MemberData(nameof(Kept))]
    public async Task A_plugin_that_used_a_caching_part_of_the_framework_leaves_memory(string what, string code)
    {
        await using var host = new KernelHost(o => o.UnloadLimit = TimeSpan.FromSeconds(40));
        host.Add("thing", Source(code));
        await host.StartAsync();
        Assert.True(host.Status("thing").State == PluginState.Active, host.Status("thing").Cause);
        await host.CallAsync("thing", "?when=2");

        var status = await host.RunAsync(new PluginCommand.Disable("thing"));

        Assert.True(status is { State: PluginState.Stopped, GenerationsAlive: 0 }, $"{what} keeps the plugin: {status.State}");
    }

    [Theory]
    [MemberData(nameof(Leaks))]
    public async Task A_plugin_that_leaves_a_root_behind_is_quarantined(string what, string code)
    {
        await using var host = new KernelHost(o => o.UnloadLimit = TimeSpan.FromMilliseconds(300));
        host.Add("thing", Source(code));
        await host.StartAsync();
        Assert.True(host.Status("thing").State == PluginState.Active, host.Status("thing").Cause);

        var status = await host.RunAsync(new PluginCommand.Disable("thing"));

        Assert.True(status is { State: PluginState.Quarantined, GenerationsAlive: 1 }, $"{what}: {status.State}");
    }

    [Fact]
    public void Every_table_of_the_sweep_is_where_this_runtime_has_it() =>
        Assert.All(StaticTable.Known, table => Assert.Null(Record.Exception(() => table.Find())));

    [Fact]
    public void The_tables_of_type_descriptions_and_dispatch_proxies_are_where_this_runtime_has_them()
    {
        System.ComponentModel.TypeDescriptor.GetProperties(typeof(UnloadTests));

        Assert.NotEmpty(TypeDescriptors.Known());
        Assert.NotNull(DispatchProxies.Find());
    }

    private static string Source(string code) => $$"""
        public sealed class Thing
        {
            public static object? Held;
            [System.ComponentModel.DataAnnotations.Required] public string Name { get; set; } = "";
            public Thing? Next() => null;
        }
        public interface IShape;
        public class Shaped : System.Reflection.DispatchProxy { protected override object? Invoke(System.Reflection.MethodInfo? method, object?[]? arguments) => null; }
        public readonly record struct Moment(int At) { public static bool TryParse(string text, out Moment moment) { moment = new(int.Parse(text)); return true; } }
        public sealed class ThePlugin : IPlugin, IStart
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/", (Moment when) => new Thing { Name = when.At.ToString() }));
            public Task StartAsync(IServiceProvider s, CancellationToken t) { {{code}} return Task.CompletedTask; }
        }
        """;
}
