using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Nexus.Kernel.Tests.Services;

/// <summary>Providers and consumers in collectible contexts of their own, compiled from source.</summary>
public sealed class ServiceLeakTests
{
    private const string Source = """
        using System; using System.Threading; using System.Threading.Tasks; using Nexus; using Nexus.Kernel.Tests.Services; using Microsoft.Extensions.DependencyInjection;
        using IMail = Nexus.Kernel.Tests.Services.IMail;
        public sealed class Pigeon : IMail
        {
            public async Task<string> SendAsync(string to, CancellationToken token)
            {
                await Task.Yield();
                return to == "bug" ? throw new Lost() : "pigeon to " + to;
            }
            public ValueTask<int> CountAsync() => new(1);
            private sealed class Lost : Exception;
        }
        public static class Plugin
        {
            public static void Provide(IPluginBuilder plugin) => plugin.Provide<IMail, Pigeon>();
            public static void ProvideScoped(IPluginBuilder plugin) => plugin.Provide<IMail, Pigeon>(lifetime: ServiceLifetime.Scoped);
            public static async Task UseAsync(IServices services) => await services.Get<IMail>().SendAsync("Ada", default);
        }
        """;

    [Theory]
    [InlineData("Provide")]
    [InlineData("ProvideScoped")]
    public async Task An_unloaded_provider_leaves_memory_while_proxies_and_results_live_on(string verb)
    {
        using var bench = new ServiceBench();
        var mail = bench.For("shop").Get<IMail>();

        var (context, result, error) = await ProvideAsync(bench, mail, verb);

        await AssertCollectedAsync(context);
        Assert.Equal("pigeon to Ada", await result);
        Assert.Equal("INTERNAL_ERROR", error.Code);
        Assert.Equal("SERVICE_UNAVAILABLE", (await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"))).Code);
    }

    [Fact]
    public async Task An_unloaded_consumer_leaves_memory_while_the_provider_lives_on()
    {
        using var bench = new ServiceBench();
        bench.Plugins.Publish(ServiceBench.Plugin("post", plugin => plugin.Provide<IMail>(null, Microsoft.Extensions.DependencyInjection.ServiceLifetime.Singleton, _ => new Mail("post"))));

        var context = await ConsumeAsync(bench);

        await AssertCollectedAsync(context);
        Assert.Equal(1, bench.Registry.List()[0].Calls);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<(WeakReference Context, Task<string> Result, NexusException Error)> ProvideAsync(ServiceBench bench, IMail mail, string verb)
    {
        var (assembly, context) = Load();
        var configure = assembly.GetType("Plugin")!.GetMethod(verb)!.CreateDelegate<Action<IPluginBuilder>>();
        bench.Plugins.Publish(ServiceBench.Plugin("pigeon", configure));
        var result = mail.SendAsync("Ada");
        await result;
        var error = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("bug"));
        bench.Plugins.Publish();
        Unload(context);
        return (context, result, error);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> ConsumeAsync(ServiceBench bench)
    {
        var (assembly, context) = Load();
        await assembly.GetType("Plugin")!.GetMethod("UseAsync")!.CreateDelegate<Func<IServices, Task>>()(bench.For("shop"));
        Unload(context);
        return context;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (Assembly Assembly, WeakReference Context) Load()
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create("Pigeon" + Guid.NewGuid().ToString("N"), [CSharpSyntaxTree.ParseText(Source)], references, new(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var image = new MemoryStream();
        var emitted = compilation.Emit(image);
        Assert.True(emitted.Success, string.Join('\n', emitted.Diagnostics));
        image.Position = 0;
        var context = new AssemblyLoadContext(compilation.AssemblyName, isCollectible: true);
        return (context.LoadFromStream(image), new WeakReference(context, trackResurrection: true));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Unload(WeakReference context) => ((AssemblyLoadContext)context.Target!).Unload();

    private static async Task AssertCollectedAsync(WeakReference context)
    {
        for (var round = 0; context.IsAlive && round < 200; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(10);
        }
        Assert.False(context.IsAlive, "The context is still alive.");
    }
}
