using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Nexus;

/// <summary>How often one caller may use one route.</summary>
/// <param name="Requests">Requests within the window, at least 1.</param>
/// <param name="Window">Length of the window.</param>
public sealed record RateLimit(int Requests, TimeSpan Window);

/// <summary>A route that is served only while a feature is on.</summary>
/// <param name="Name">Name of the feature, below <c>custom.features</c>.</param>
public sealed record FeatureFlag(string Name);

/// <summary>A query parameter that a handler reads itself, for the API's description.</summary>
/// <param name="Name">Its name; a star stands for any end, as in <c>answer.*</c>.</param>
/// <param name="Description">What it does.</param>
/// <param name="IsRequired">Whether the request fails without it.</param>
public sealed record QueryParameter(string Name, string Description, bool IsRequired = false);

/// <summary>What success of a route answers, where its handler writes the answer itself.</summary>
/// <param name="Schema">JSON Schema (2020-12) as text.</param>
/// <param name="Status">Status, 200 to 299.</param>
/// <param name="ContentType">Media type.</param>
public sealed record AnswerForm(string Schema, int Status = 200, string ContentType = "application/json");

/// <summary>What a plugin's author says about a route, beyond the verbs of ASP.NET Core.</summary>
public static class RouteVerbs
{
    /// <summary>Limits how often one caller (a signed-in one by id, else an address) may use the route on a node. Beyond it the answer is 429 <c>RATE_LIMITED</c> with <c>Retry-After</c>; the count survives swaps.</summary>
    /// <param name="route">The route, or a group, each of whose routes then counts alone.</param>
    /// <param name="requests">Requests within the window, at least 1.</param>
    /// <param name="window">Length of the window.</param>
    public static TBuilder LimitRate<TBuilder>(this TBuilder route, int requests, TimeSpan window)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(requests, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        var limit = new RateLimit(requests, window);
        route.Add(endpoint => endpoint.Metadata.Add(limit));
        return route;
    }

    /// <summary>Describes an answer that the handler writes itself; one that it returns as a type, or names by <c>Produces</c>, needs no description.</summary>
    /// <param name="route">The route, or a group.</param>
    /// <param name="schema">JSON Schema (2020-12) as text, such as <c>{"type":"object","properties":{…}}</c>; read when the plugin starts.</param>
    /// <param name="status">Status, 200 to 299.</param>
    /// <param name="contentType">Media type.</param>
    public static TBuilder WithAnswer<TBuilder>(this TBuilder route, string schema, int status = 200, string contentType = "application/json")
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentException.ThrowIfNullOrEmpty(schema);
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 299);
        var answer = new AnswerForm(schema, status, contentType);
        route.Add(endpoint => endpoint.Metadata.Add(answer));
        return route;
    }

    /// <summary>Describes a query parameter that the handler reads from the request itself; one that is bound to a parameter of the handler needs no description.</summary>
    /// <param name="route">The route, or a group.</param>
    /// <param name="name">Its name; a star stands for any end, as in <c>answer.*</c>.</param>
    /// <param name="description">What it does.</param>
    /// <param name="isRequired">Whether the request fails without it.</param>
    public static TBuilder WithQuery<TBuilder>(this TBuilder route, string name, string description, bool isRequired = false)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(description);
        var parameter = new QueryParameter(name, description, isRequired);
        route.Add(endpoint => endpoint.Metadata.Add(parameter));
        return route;
    }

    /// <summary>Serves the route also to a caller who must change the password first (<see cref="SignedIn.MustChangePassword"/>), to whom nothing else that needs a permission is served. For the routes of an identity plugin that change the password and sign out.</summary>
    public static TBuilder ServeForPasswordChange<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint => endpoint.Metadata.Add(PasswordChangeRoute.Instance));
        return route;
    }

    /// <summary>Serves the route only while <c>custom.features.{name}</c> is true in the configuration; otherwise it answers 404, as if it did not exist. A changed setting acts on the next request.</summary>
    /// <param name="route">The route, or a group.</param>
    /// <param name="name">Name of the feature.</param>
    public static TBuilder WhenFeature<TBuilder>(this TBuilder route, string name)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var flag = new FeatureFlag(name);
        route.Add(endpoint => endpoint.Metadata.Add(flag));
        return route;
    }

    /// <summary>Runs work of the plugin after the answer was sent, with the request's <see cref="CallContext"/>. It is not durable: it is lost with the process. A swap waits for it, up to the drain limit. Its failure is logged.</summary>
    /// <param name="context">The request, while its handler runs.</param>
    /// <param name="work">Gets a scope of the plugin's own services, and a token that is cancelled at the drain limit.</param>
    /// <exception cref="InvalidOperationException">The request is not one of a plugin's handler.</exception>
    public static void AfterResponse(this HttpContext context, Func<IServiceProvider, CancellationToken, Task> work)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(work);
        // The features that the gateway puts on every request answer for this one too: one more would be paid for by each request.
        var feature = context.Features.Get<IServiceProvidersFeature>() as IAfterResponse ?? context.Features.Get<IHttpRequestLifetimeFeature>() as IAfterResponse ?? throw new InvalidOperationException("Only the handler of a plugin's request can leave work for after the answer.");
        feature.Add(work);
    }
}

/// <summary>What the <see cref="IServiceProvidersFeature"/> of a request that a plugin handles also is: takes work for after the answer.</summary>
public interface IAfterResponse
{
    /// <summary>Adds work; it runs once the answer was sent.</summary>
    void Add(Func<IServiceProvider, CancellationToken, Task> work);
}

/// <summary>Metadata of a route that serves a caller who must change the password first.</summary>
public sealed class PasswordChangeRoute
{
    private PasswordChangeRoute()
    {
    }

    /// <summary>The only one.</summary>
    public static PasswordChangeRoute Instance { get; } = new();
}
