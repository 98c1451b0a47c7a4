using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.GraphQL.Http;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.GraphQL;

/// <summary>Puts GraphQL into the gateway.</summary>
internal static class GraphQLRegistration
{
    /// <summary>Adds the surface; section <c>graphql</c> is bound.</summary>
    public static IServiceCollection AddGraphQL(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<GraphQLOptions>(configuration.GetSection("graphql"));
        services.TryAddSingleton<SurfaceSchemaParts>();
        services.TryAddSingleton<SurfaceSchema>();
        services.TryAddSingleton<KeptDocuments>();
        services.TryAddSingleton<ComposedGraph>();
        services.AddHostedService(host => host.GetRequiredService<ComposedGraph>());
        if (configuration.GetSection("graphql:subgraphs").GetChildren().Any())
            services.AddSingleton<IDependencyHealth, SubgraphHealth>();
        services.TryAddSingleton<OperationGate>();
        services.TryAddSingleton<GraphQLSockets>();
        services.AddSingleton<IPlatformRoutes, GraphQLRoutes>();
        return services;
    }
}
