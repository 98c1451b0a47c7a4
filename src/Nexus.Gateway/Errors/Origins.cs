using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Errors;

/// <summary>Who is told where a failure comes from: the request's id everybody; plugin, version and component who may look at plugins.</summary>
internal static class Origins
{
    /// <summary>What a caller needs to be told.</summary>
    public const string Permission = "platform.plugins:read";

    private static readonly string Own = typeof(Origins).Assembly.GetName().Version!.ToString(3);

    /// <summary>The origin as this caller may see it: what the failure says, else the handler that the request reached; null when there is none or it is not for this caller.</summary>
    public static async ValueTask<FailureOrigin?> ShowAsync(HttpContext context, Exception? failure)
    {
        var request = GatewayRequest.Of(context);
        var origin = FailureOrigin.Find(failure) ?? (request.Route is { } route ? new FailureOrigin(route.Plugin, route.Version.Length > 0 ? route.Version : Own, route.Handler) : null);
        if (origin is null)
            return null;
        // Not the services of the context: those may be a plugin's, which does not decide about this.
        await using var scope = RequestView.Of(context).OpenHost();
        return await MayAsync(scope.ServiceProvider.GetService<IAuthorization>(), request.Context, context.RequestAborted) ? origin : null;
    }

    /// <summary>Whether a caller may see origins. A policy that fails now says no: it is about the answer to another failure.</summary>
    public static async ValueTask<bool> MayAsync(IAuthorization? authorization, CallContext caller, CancellationToken cancellationToken)
    {
        try
        {
            return authorization is not null && (await authorization.DecideAsync(caller, Permission, cancellationToken)).Scope != AccessScope.None;
        }
        catch (Exception exception) when (exception is NexusException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Writes an origin as members of an open object.</summary>
    public static void Write(Utf8JsonWriter json, FailureOrigin? origin)
    {
        if (origin is null)
            return;
        json.WriteString("plugin", origin.Plugin);
        json.WriteString("version", origin.Version);
        json.WriteString("component", origin.Component);
    }

    /// <summary>Adds the request's id and an origin to an object.</summary>
    public static JsonObject Add(JsonObject to, FailureOrigin? origin)
    {
        if (GatewayRequest.Current is { } request)
            to["requestId"] = request.Id;
        if (origin is not null)
            (to["plugin"], to["version"], to["component"]) = (origin.Plugin, origin.Version, origin.Component);
        return to;
    }
}
