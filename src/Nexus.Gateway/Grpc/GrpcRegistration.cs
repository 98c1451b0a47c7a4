using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.Grpc.Services;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Grpc;

/// <summary>Puts gRPC into the gateway.</summary>
internal static class GrpcRegistration
{
    /// <summary>Adds the surface; section <c>grpc</c> is bound.</summary>
    public static IServiceCollection AddGrpc(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<GrpcOptions>(configuration.GetSection("grpc"));
        services.TryAddSingleton<ResourceAccess>();
        services.TryAddSingleton<ResourceMethods>();
        services.TryAddSingleton<ContractMethods>();
        services.TryAddSingleton<GrpcSchema>();
        services.AddSingleton<IPlatformRoutes, GrpcRoutes>();
        return services;
    }
}
