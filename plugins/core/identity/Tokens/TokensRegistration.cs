using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Puts tokens into the plugin.</summary>
internal static class TokensRegistration
{
    /// <summary>Adds signing, verification, the key ring and its address.</summary>
    public static IPluginBuilder AddTokens(this IPluginBuilder plugin)
    {
        plugin.AddOptions<TokenOptions>("tokens");
        plugin.Services
            .AddSingleton(s => new KeyRing(s.GetRequiredService<IDocuments>(), s.GetRequiredService<IOptions<TokenOptions>>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILoggerFactory>(), s.GetService<IFieldProtection>()))
            .AddSingleton<SignedTokens>()
            .AddSingleton<IAccessTokens>(s => s.GetRequiredService<SignedTokens>())
            .AddSingleton<Tickets>();
        return plugin.MapEndpoints(Map);
    }

    private const string KeySet = """{"type":"object","required":["keys"],"properties":{"keys":{"type":"array","items":{"type":"object","required":["kty","kid"],"additionalProperties":true,"properties":{"kty":{"type":"string"},"kid":{"type":"string"}}}}}}""";

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/.well-known/jwks.json", Published).WithSummary("Public keys of tokens").AllowAnonymous().WithAnswer(KeySet, contentType: "application/jwk-set+json");
        routes.MapPost("~/api/v1/auth/keys/rotate", RotateAsync).WithSummary("Sign with a new key from now on").RequireAuthorization("platform.keys:rotate").WithAnswer(KeySet, contentType: "application/jwk-set+json");
        routes.MapDelete("~/api/v1/auth/keys/{kid}", WithdrawAsync).WithSummary("Refuse all tokens of a key from now on").RequireAuthorization("platform.keys:delete").Produces(204);
    }

    private static FileContentHttpResult Published(HttpContext context, [FromServices] KeyRing keys)
    {
        // Shorter than the lead of a key, so that whoever caches has the next key before it signs.
        context.Response.Headers.CacheControl = "public, max-age=60";
        return TypedResults.Bytes(keys.Published(), "application/jwk-set+json");
    }

    private static async Task<IResult> RotateAsync(HttpContext context, [FromServices] KeyRing keys)
    {
        await keys.RotateAsync(context.RequestAborted);
        return TypedResults.Bytes(keys.Published(), "application/jwk-set+json");
    }

    private static async Task<IResult> WithdrawAsync(HttpContext context, string kid, [FromServices] KeyRing keys) =>
        await keys.WithdrawAsync(kid, context.RequestAborted) ? TypedResults.NoContent() : throw new NexusException(ErrorCodes.ResourceNotFound, "There is no key of that id.");
}
