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

    /// <summary>
    /// The policy name of <c>RequireAuthorization</c> or <c>[Authorize("…")]</c> is the permission; a route that says nothing needs the plugin's own <c>use</c>, so that none is open by being forgotten. <c>AllowAnonymous</c> opens one.
    /// What the one policy point cannot ask, roles and several permissions at once, is refused: left out in silence it would leave the route more open than it reads.
    /// </summary>
    private static string? Permission(string plugin, RouteEndpoint endpoint)
    {
        if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            return null;
        }

        var asked = endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>();
        var permissions = asked.Select(a => a.Policy).OfType<string>().Where(p => p.Length > 0).Distinct(StringComparer.Ordinal).ToArray();
        var unknown = asked.Any(a => !string.IsNullOrEmpty(a.Roles)) ? $"asks for the role {string.Join(", ", asked.Select(a => a.Roles).OfType<string>())}"
            : asked.Any(a => !string.IsNullOrEmpty(a.AuthenticationSchemes)) ? "names a scheme of authentication"
            : permissions.Length > 1 ? $"asks for several permissions ({string.Join(", ", permissions)})" : null;
        return unknown is null ? permissions.FirstOrDefault() ?? $"{plugin}:use"
            : throw new NexusException(ErrorCodes.PluginRegistrationFailed, $"The route {endpoint.RoutePattern.RawText} of {plugin} {unknown}. A route asks for one permission, such as RequireAuthorization(\"{plugin}:write\"); who has it is decided by roles.");
    }
}
