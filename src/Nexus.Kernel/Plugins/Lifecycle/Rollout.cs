using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>A new version that serves a part of the callers beside the version that serves the others.</summary>
/// <param name="Candidate">The new generation.</param>
/// <param name="Package">Its package.</param>
/// <param name="Percent">Share of the callers that reach it, above 0 and below 100.</param>
internal sealed record Rollout(Generation Candidate, PluginPackage Package, double Percent)
{
    /// <summary>
    /// The plugin as it is published meanwhile: one plugin whose handlers choose by the caller. What is not a route (services, event
    /// handlers, middleware, resources) stays with the serving version until the new one is promoted.
    /// </summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: a route has another permission in the new version, which no single route can ask for.</exception>
    public ActivePlugin Beside(Generation serving)
    {
        var old = serving.Active!.Endpoints.ToDictionary(Key, StringComparer.Ordinal);
        var endpoints = ImmutableArray.CreateBuilder<EndpointDescriptor>();
        foreach (var endpoint in Candidate.Active!.Endpoints)
        {
            if (old.Remove(Key(endpoint), out var known) && known.Permission != endpoint.Permission)
            {
                throw new NexusException(ErrorCodes.Conflict, $"The route /{endpoint.Pattern.Trim('/')} of {Package.Manifest.Name} needs {known.Permission ?? "no permission"} in {serving.Manifest.Version} and {endpoint.Permission ?? "none"} in {Package.Manifest.Version}; a rollout would have to ask for both. Update the plugin as a whole.");
            }

            endpoints.Add(endpoint with { Handler = Choose(known?.Handler, endpoint.Handler) });
        }

        endpoints.AddRange(old.Values.Select(e => e with { Handler = Choose(e.Handler, null) }));
        return serving.Active with { Lease = new Pair(serving, Candidate), Endpoints = endpoints.DrainToImmutable() };
    }

    /// <summary>Whether a caller is among those that reach the new version; the same caller always is, also when the share grows.</summary>
    public bool Reaches(string caller) => Bucket($"{Package.ContentHash}:{caller}") < Percent * 100;

    private static string Key(EndpointDescriptor endpoint) => $"{string.Join(',', endpoint.Methods.Order(StringComparer.Ordinal))} {endpoint.Pattern.Trim('/')} {endpoint.Order}";

    private RequestDelegate Choose(RequestDelegate? serving, RequestDelegate? candidate) => context =>
        Reaches(Caller(context)) ? Newer(context, candidate) : (serving ?? Absent)(context);

    /// <summary>Who signed in, else where the call comes from.</summary>
    private static string Caller(HttpContext context)
    {
        var caller = CallContext.Current.Caller;
        return caller == Nexus.Caller.Anonymous || caller == Nexus.Caller.System ? context.Connection.RemoteIpAddress?.ToString() ?? "" : caller.Id;
    }

    private async Task Newer(HttpContext context, RequestDelegate? handler)
    {
        if (handler is null)
        {
            await Absent(context);
            return;
        }

        // The request shows the serving version's container; the new version's code must see its own.
        await using var scope = Candidate.Services.CreateAsyncScope();
        context.RequestServices = scope.ServiceProvider;
        await handler(context);
    }

    private static Task Absent(HttpContext context) =>
        throw new NexusException(ErrorCodes.RouteNotFound, "The version of the plugin that serves this caller has no such route.");

    /// <summary>FNV-1a with a final mix: an even spread of similar texts over 10,000 places, the same in every process.</summary>
    private static uint Bucket(string text)
    {
        var hash = 2166136261u;
        foreach (var character in text)
        {
            hash = (hash ^ character) * 16777619u;
        }

        hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
        return (hash ^ (hash >> 16)) % 10000;
    }

    /// <summary>A lease on both versions: whichever drains first sends the request to the next snapshot.</summary>
    private sealed class Pair(Generation serving, Generation candidate) : IGeneration
    {
        public IServiceProvider Services => serving.Services;

        public CancellationToken Stopping { get; } = CancellationTokenSource.CreateLinkedTokenSource(serving.Stopping, candidate.Stopping).Token;

        public CancellationToken Aborting { get; } = CancellationTokenSource.CreateLinkedTokenSource(serving.Aborting, candidate.Aborting).Token;

        public bool TryEnter()
        {
            if (!serving.TryEnter())
            {
                return false;
            }

            if (candidate.TryEnter())
            {
                return true;
            }

            serving.Exit();
            return false;
        }

        public void Exit()
        {
            candidate.Exit();
            serving.Exit();
        }
    }
}
