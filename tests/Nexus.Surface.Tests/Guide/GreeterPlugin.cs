using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nexus.Surface.Tests.Guide;

/// <summary>The plugin of the author's guide.</summary>
internal sealed class GreeterPlugin : IPlugin, IStart, ICheckHealth
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddOptions<GreeterOptions>();
        plugin.UseMiddleware(StampAsync, order: 10);
        plugin.MapEndpoints(MapRoutes);
    }

    private static void MapRoutes(Microsoft.AspNetCore.Routing.IEndpointRouteBuilder routes)
    {
        routes.MapGet("/greet/{name}", (string name, IOptionsMonitor<GreeterOptions> options) => $"{options.CurrentValue.Greeting}, {name}!")
            .AllowAnonymous();
        routes.MapPost("/greetings", (Greeting greeting) => Results.Ok(greeting))
            .RequireAuthorization("greeter:write")
            .LimitRate(10, TimeSpan.FromMinutes(1));
        routes.MapGet("/beta", () => "not for everybody yet")
            .WhenFeature("greeter-beta");
        routes.MapPost("/visits", (HttpContext context) =>
        {
            context.AfterResponse(async (services, cancellationToken) =>
                await services.GetRequiredService<IDocuments>().SetAsync("lastVisit", CallContext.Current.CorrelationId, cancellationToken));
            return Results.Accepted();
        });
    }

    private static async Task StampAsync(HttpContext context, Func<Task> next)
    {
        context.Response.Headers["X-Greeter"] = "was here";
        await next();
    }

    public async Task StartAsync(IServiceProvider services, CancellationToken cancellationToken) =>
        await services.GetRequiredService<IDocuments>().SetAsync("startedOnce", true, cancellationToken);

    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) =>
        await services.GetRequiredService<IDocuments>().ExistsAsync("startedOnce", cancellationToken)
            ? PluginHealth.Healthy
            : new PluginHealth(HealthLevel.Unhealthy, "The first document is gone.");
}

/// <summary>What a caller sends.</summary>
public sealed record Greeting([property: StringLength(200, MinimumLength = 1)] string Text);

/// <summary>Section <c>plugins.greeter</c>.</summary>
public sealed class GreeterOptions
{
    /// <summary>The word before the name.</summary>
    [StringLength(40, MinimumLength = 1)]
    public string Greeting { get; set; } = "Hello";
}
