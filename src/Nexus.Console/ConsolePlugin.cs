using Microsoft.Extensions.DependencyInjection;
using Nexus.UserInterface.Contributions;
using Nexus.UserInterface.People;

namespace Nexus.UserInterface;

/// <summary>The console: one application in the browser, drawn from what the active plugins declare and from what the signed-in person may do.</summary>
public sealed class ConsolePlugin : IPlugin
{
    /// <summary>Its manifest. <c>console.enabled: false</c> takes the console away.</summary>
    public static PluginManifest Manifest { get; } = new()
    {
        Name = "core.console",
        Version = "0.1.0",
        Category = PluginCategory.Core,
        Description = "The console at /console: people see and run everything from a browser.",
        DisplayName = "Console",
        Entry = "",
        Isolation = PluginIsolation.Stable,
        Author = "The Nexus authors",
        License = "MIT",
    };

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        plugin.Services.AddSingleton<AppFiles>();
        plugin.MapEndpoints(AppRoutes.Map);
        plugin.MapEndpoints(ViewRoutes.Map);
        plugin.MapEndpoints(ContributionRoutes.Map);
        plugin.MapEndpoints(ComponentRoutes.Map);
        plugin.MapEndpoints(FileRoutes.Map);
        plugin.MapEndpoints(SavedViewRoutes.Map);
        plugin.On("user.deleted", PersonalDocuments.ForgetAsync);
    }
}
