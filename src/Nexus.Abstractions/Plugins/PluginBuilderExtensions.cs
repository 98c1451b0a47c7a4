using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>The verbs of <see cref="IPluginBuilder"/> that need no room of their own.</summary>
public static class PluginBuilderExtensions
{
    /// <summary>Declares routes under the plugin's prefix <c>/api/{category}/{plugin}</c>.</summary>
    public static IPluginBuilder MapEndpoints(this IPluginBuilder plugin, Action<IEndpointRouteBuilder> map) =>
        plugin.Contribute(new EndpointContribution(map));

    /// <summary>Wraps every plugin request of the node; lower <paramref name="order"/> is outermost.</summary>
    public static IPluginBuilder UseMiddleware(this IPluginBuilder plugin, Func<HttpContext, Func<Task>, Task> invoke, int order = 0) =>
        plugin.Contribute(new MiddlewareContribution(order, invoke));

    /// <summary>Declares the folder of the plugin's SQL migrations (default <c>migrations</c>), run forward inside a swap.</summary>
    public static IPluginBuilder AddMigrations(this IPluginBuilder plugin, string folder = "migrations") =>
        plugin.Contribute(new MigrationContribution(folder));

    /// <summary>Records <paramref name="contribution"/>. Rooms and suites build their own verbs on it.</summary>
    public static IPluginBuilder Contribute(this IPluginBuilder plugin, Contribution contribution)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(contribution);
        plugin.Services.AddSingleton(contribution);
        return plugin;
    }
}
