using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.UserInterface.Contributions;

namespace Nexus.UserInterface;

/// <summary>What the console draws itself from, beside the resources: who the caller is and what it may do. When plugins change, <c>/live</c> tells it.</summary>
internal static class ViewRoutes
{
    private const int MaxQuestions = 300;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/ui", GetAsync).WithSummary("What a console shows this caller: version of the plugins, and which of the permissions in question it has").AllowAnonymous()
            .WithQuery("may", "permissions in question, with commas; up to 300")
            .WithAnswer(Forms.View);
    }

    private static async Task GetAsync(HttpContext context)
    {
        var plugins = context.RequestServices.GetRequiredService<IPlugins>();
        var authorization = context.RequestServices.GetRequiredService<IAuthorization>();
        var call = CallContext.Current;
        var questions = context.Request.Query["may"].SelectMany(m => (m ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct(StringComparer.Ordinal).ToArray();
        if (questions.Length > MaxQuestions)
            throw new NexusException(ErrorCodes.BadRequest, $"may names {questions.Length} permissions; up to {MaxQuestions} can be asked at once.");
        var allowed = new JsonObject();
        foreach (var permission in questions)
        {
            var decision = await authorization.DecideAsync(call, permission, context.RequestAborted);
            if (decision.Scope != AccessScope.None)
                allowed[permission] = decision.Scope.ToString().ToLowerInvariant();
        }

        var answer = new JsonObject
        {
            ["version"] = plugins.Current.Version,
            ["signIn"] = plugins.Current.Plugins.Any(p => !p.Authentication.IsDefaultOrEmpty),
            ["anonymous"] = ReferenceEquals(call.Caller, Caller.Anonymous),
            ["caller"] = new JsonObject { ["id"] = call.Caller.Id, ["name"] = call.Caller.Name, ["tenant"] = call.Tenant },
            ["plugins"] = new JsonArray([.. plugins.Current.Plugins.Select(p => (JsonNode)p.Manifest.Name)]),
            ["allowed"] = allowed,
            ["pages"] = await ContributionRoutes.MenuOfAsync(context),
            ["theme"] = ComponentRoutes.ThemeOf(context),
        };
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
    }
}
