using System.Collections.Immutable;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Plugins.Lifecycle;

namespace Nexus.Kernel.Plugins.Endpoints;

/// <summary>Turns what an author mapped into inert descriptors. No CLR type of the plugin leaves: handlers leave behind a slot, metadata leaves as JSON.</summary>
internal static class EndpointReader
{
    public static async Task<ImmutableArray<EndpointDescriptor>> ReadAsync(Generation generation, IEnumerable<EndpointContribution> contributions, Pace pace, CancellationToken cancellationToken)
    {
        var routes = new PluginRoutes(generation.Services);
        foreach (var contribution in contributions)
        {
            contribution.Map(routes);
        }

        var endpoints = routes.DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>().ToArray();
        if (endpoints.Length == 0)
        {
            return [];
        }

        var operations = new OperationWriter(generation.Services, generation.Manifest);
        var descriptors = ImmutableArray.CreateBuilder<EndpointDescriptor>(endpoints.Length);
        foreach (var endpoint in endpoints)
        {
            await pace.GiveWayAsync(cancellationToken);
            descriptors.Add(Describe(generation, endpoint, operations));
        }

        foreach (var source in routes.DataSources)
        {
            (source as IDisposable)?.Dispose();
        }

        return descriptors.DrainToImmutable();
    }

    private static EndpointDescriptor Describe(Generation generation, RouteEndpoint endpoint, OperationWriter operations)
    {
        if (endpoint.RequestDelegate is not { } handler)
        {
            throw new NexusException(ErrorCodes.PluginRegistrationFailed, $"The route {endpoint.RoutePattern.RawText} of {generation.Manifest.Name} has no handler.");
        }

        Warmth.Prepare(endpoint, generation.Services);
        return new EndpointDescriptor
        {
            Pattern = endpoint.RoutePattern.RawText ?? "",
            Methods = [.. endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []],
            Order = endpoint.Order,
            Handler = generation.Guard.Wrap(generation.Slots.Wrap(handler)),
            Permission = Permission(generation.Manifest.Name, endpoint),
            ForPasswordChange = endpoint.Metadata.GetMetadata<PasswordChangeRoute>() is not null,
            Cached = endpoint.Metadata.GetMetadata<CachedAnswer>(),
            RateLimit = endpoint.Metadata.GetMetadata<RateLimit>(),
            Feature = endpoint.Metadata.GetMetadata<FeatureFlag>()?.Name,
            OpenApi = operations.Write(endpoint),
            DisplayName = endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? endpoint.DisplayName ?? "",
        };
    }

    /// <summary>The policy name of <c>RequireAuthorization</c> is the permission; a route that says nothing needs the plugin's own <c>use</c>, so that none is open by being forgotten. <c>AllowAnonymous</c> opens one.</summary>
    private static string? Permission(string plugin, RouteEndpoint endpoint)
    {
        if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            return null;
        }

        return endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy is { Length: > 0 } policy ? policy : $"{plugin}:use";
    }
}
