using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Analyzers.Json;
using Nexus.Analyzers.Services;
using Nexus.Kernel.Services;
using Nexus.Kernel.Tests.Plugins;

namespace Nexus.Kernel.Tests.Services;

/// <summary>Two plugins and a contract assembly, compiled from source, in the real kernel.</summary>
public sealed class ServicesInKernelTests
{
    private const string Contract = """
        using System.Threading; using System.Threading.Tasks; using Nexus;
        [assembly: ContractAssembly]
        namespace Shop.Contracts;
        [ServiceContract(Name = "stock")]
        public interface IStock { Task<Stock> CountAsync(Wanted wanted, CancellationToken cancellationToken = default); }
        public sealed record Wanted(string Sku);
        public sealed record Stock(string Sku, string By);
        """;

    private const string Consumer = """
        using Shop.Contracts;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.Require<IStock>();
                plugin.Services.AddSingleton<Till>();
                plugin.MapEndpoints(routes => routes.MapGet("/", async (HttpContext context) => await context.Response.WriteAsync(await context.RequestServices.GetRequiredService<Till>().AskAsync())));
            }
        }
        public sealed class Till(IStock stock)
        {
            public async Task<string> AskAsync()
            {
                try { return (await stock.CountAsync(new("tea"))).ToString(); }
                catch (NexusException error) { return error.Code; }
            }
        }
        """;

    [Fact]
    public async Task A_consumer_follows_its_provider_through_swap_unload_and_reload()
    {
        await using var host = Host();
        var contract = CompileContract(host, Contract);
        host.Add("inventory", Provider("one"), references: contract);
        host.Add("shop", Consumer, manifest: Needs("inventory"), references: contract);
        await host.StartAsync();

        var first = await host.CallAsync("shop");
        await host.RunAsync(new PluginCommand.Install(host.Version("inventory", "1.1.0", Provider("two"), references: contract), Update: true));
        var swapped = await host.CallAsync("shop");
        await host.Kernel.RetiredAsync("inventory");
        var alive = host.Status("inventory").GenerationsAlive;
        await host.RunAsync(new PluginCommand.Disable("inventory", Force: true));
        var off = await host.CallAsync("shop");
        await host.RunAsync(new PluginCommand.Enable("inventory"));
        var on = await host.CallAsync("shop");

        Assert.Equal("Stock { Sku = tea, By = one }", first);
        Assert.Equal("Stock { Sku = tea, By = two }", swapped);
        Assert.Equal(0, alive);
        Assert.Equal("SERVICE_UNAVAILABLE", off);
        Assert.Equal("Stock { Sku = tea, By = two }", on);
        Assert.Equal(1, host.Status("shop").Generation);
    }

    [Fact]
    public async Task A_provider_with_another_version_of_the_contract_is_called_with_json()
    {
        await using var host = Host();
        var newer = Contract.Replace("CountAsync(Wanted wanted,", "CountAsync(Wanted wanted, int atLeast = 0,").Replace("record Stock(string Sku, string By)", "record Stock(string Sku, string By, int Left = 5)");
        host.Add("inventory", Provider("far", "int atLeast, "), references: CompileContract(host, newer, "newer"));
        host.Add("shop", Consumer, manifest: Needs("inventory"), references: CompileContract(host, Contract));
        await host.StartAsync();

        Assert.Equal("Stock { Sku = tea, By = far }", await host.CallAsync("shop"));
    }

    [Fact]
    public async Task An_unmet_service_stops_the_plugin_with_the_services_name()
    {
        await using var host = Host();
        host.Add("shop", Consumer, references: CompileContract(host, Contract));

        await host.StartAsync();

        Assert.Equal(PluginState.Failed, host.Status("shop").State);
        Assert.Contains("requires the service stock", host.Status("shop").Cause);
    }

    [Fact]
    public async Task Two_providers_under_one_name_are_both_named_and_the_first_serves()
    {
        await using var host = Host();
        var contract = CompileContract(host, Contract);
        host.Add("inventory", Provider("one", name: "shelf"), references: contract);
        host.Add("shop", Consumer, manifest: Needs("inventory"), references: contract);
        await host.StartAsync();

        var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(host.Version("warehouse", "1.0.0", Provider("two", name: "shelf"), references: contract))));

        Assert.Equal(("PLUGIN_REGISTRATION_FAILED", "warehouse and inventory both provide stock under the name shelf. Give one of the two another name."), (error.Code, error.Message));
        Assert.Equal("Stock { Sku = tea, By = one }", await host.CallAsync("shop"));
    }

    [Fact]
    public async Task Of_two_providers_the_configuration_chooses_and_can_choose_again_while_the_consumer_runs()
    {
        var configuration = new ConfigurationManager();
        await using var host = Host(configuration);
        var contract = CompileContract(host, Contract);
        host.Add("inventory", Provider("inventory"), references: contract);
        host.Add("warehouse", Provider("warehouse"), references: contract);
        host.Add("shop", Consumer, manifest: Needs("inventory"), references: contract);
        await host.StartAsync();

        var first = await host.CallAsync("shop");
        configuration["services:bind:stock"] = "warehouse";
        ((IConfigurationRoot)configuration).Reload();
        var second = await host.CallAsync("shop");
        var listed = host.Services.GetRequiredService<IServiceRegistry>().List().Select(s => $"{s.Contract} {s.Name} {s.Plugin} {s.Bound}");
        await host.RunAsync(new PluginCommand.Disable("warehouse"));

        Assert.Equal(("Stock { Sku = tea, By = inventory }", "Stock { Sku = tea, By = warehouse }"), (first, second));
        Assert.Equal(["stock inventory inventory False", "stock warehouse warehouse True"], listed);
        Assert.Equal("SERVICE_UNAVAILABLE", await host.CallAsync("shop"));
    }

    private static KernelHost Host(IConfiguration configuration) => new(add: services => services.AddNexusServices().AddSingleton(configuration));

    private static KernelHost Host() => new(add: services => services.AddNexusServices().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build()));

    private static string Provider(string who, string more = "", string? name = null) => $$"""
        using Shop.Contracts;
        public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.Provide<IStock, Shelf>({{(name is null ? "" : $"\"{name}\"")}}); }
        public sealed class Shelf : IStock
        {
            public async Task<Stock> CountAsync(Wanted wanted, {{more}}CancellationToken cancellationToken) { await Task.Yield(); return new(wanted.Sku, "{{who}}"); }
        }
        """;

    private static Action<JsonObject> Needs(string id) => manifest => manifest["dependencies"] = new JsonArray(new JsonObject { ["id"] = id, ["range"] = "*" });

    /// <summary>A contract assembly as its own build makes it: with the generators.</summary>
    private static string CompileContract(KernelHost host, string source, string folder = "contract")
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is "Nexus.Abstractions.dll" || Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal)).Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create("Shop.Contracts", [CSharpSyntaxTree.ParseText(source)], references, new(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        CSharpGeneratorDriver.Create(new ServiceGenerator(), new CodecGenerator()).RunGeneratorsAndUpdateCompilation(compilation, out var whole, out _);
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(host.Folder, folder)).FullName, "Shop.Contracts.dll");
        var result = whole.Emit(path);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return path;
    }
}
