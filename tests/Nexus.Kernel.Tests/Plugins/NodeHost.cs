using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Data;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>The kernel as a node has it: its own package store, SQLite below a folder.</summary>
internal static class NodeHost
{
    public static async Task<KernelHost> StartAsync(string folder, Action<PluginsOptions>? configure = null, Action<IServiceCollection>? add = null)
    {
        var host = await OpenAsync(folder, configure, add);
        await host.StartAsync();
        return host;
    }

    /// <summary>Opened, not started: plugins can still be dropped into its folder.</summary>
    public static async Task<KernelHost> OpenAsync(string folder, Action<PluginsOptions>? configure = null, Action<IServiceCollection>? add = null)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:directory"] = Path.Combine(folder, "data") }).Build();
        var host = new KernelHost(
            options =>
            {
                options.DataDirectory = Path.Combine(folder, "data");
                configure?.Invoke(options);
            },
            services =>
            {
                services
                    .RemoveAll<IPackages>()
                    .AddSingleton<IPackages>(h => new NodePackages(h, h.GetRequiredService<PluginsOptions>()))
                    .AddSingleton<IConfiguration>(settings)
                    .AddNexusData(settings);
                add?.Invoke(services);
            });
        await StorageOpener.OpenAsync(host.Services, TestContext.Current.CancellationToken);
        return host;
    }
}
