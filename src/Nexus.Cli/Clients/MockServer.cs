using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Nexus.Cli.Clients;

/// <summary>Answers as an OpenAPI document says: the example of each operation, or a value that its schema allows. Keeps nothing, asks for no credentials, and serves this machine only.</summary>
internal sealed class MockServer(ApiDocument api)
{
    /// <summary>A server on a port; 0 takes a free one.</summary>
    public WebApplication Build(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1));
        var app = builder.Build();
        app.Run(AnswerAsync);
        return app;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        var there = api.Operations.Where(operation => Fits(operation.Path, path)).OrderBy(operation => operation.Path.Count(c => c == '{')).ToList();
        var operation = there.FirstOrDefault(one => one.Method == context.Request.Method || (one.Method == "GET" && HttpMethods.IsHead(context.Request.Method)));
        if (operation is null)
        {
            if (there.Count > 0) context.Response.Headers.Allow = string.Join(", ", there.Select(one => one.Method).Distinct());
            await RefuseAsync(context, there.Count > 0 ? 405 : 404, there.Count > 0 ? "METHOD_NOT_ALLOWED" : "ROUTE_NOT_FOUND", $"The document has no {context.Request.Method} {path}.");
            return;
        }

        if (operation.Parameters.FirstOrDefault(p => p is { In: "query", IsRequired: true } && !context.Request.Query.ContainsKey(p.Name)) is { } missing)
            await RefuseAsync(context, 400, "BAD_REQUEST", $"The parameter {missing.Name} is missing.");
        else if (operation.Body is { IsRequired: true } body && await FaultAsync(context, body) is { } fault)
            await RefuseAsync(context, 400, "BAD_REQUEST", fault);
        else
            await SucceedAsync(context, operation);
    }

    private async Task SucceedAsync(HttpContext context, ApiOperation operation)
    {
        context.Response.StatusCode = operation.Answer.Status;
        if (operation.Answer.Content is not { } content) return;
        context.Response.ContentType = content.Type;
        var value = content.Example?.DeepClone() ?? SampleValue.Of(api, content.Schema);
        var text = operation.IsStream ? ": alive\n\n" : content.IsJson ? value?.ToJsonString() ?? "null" : value is JsonValue plain && plain.TryGetValue(out string? said) ? said : "";
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>What is wrong with a body, as far as its form goes; null when it can be taken.</summary>
    private async Task<string?> FaultAsync(HttpContext context, ApiContent body)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != true) return "The body is missing.";
        if (!body.IsJson) return null;
        try
        {
            var sent = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            var schema = api.Resolve(body.Schema);
            var missing = sent is JsonObject given ? (schema["required"] as JsonArray ?? []).Select(r => (string?)r).FirstOrDefault(r => r is not null && !given.ContainsKey(r)) : null;
            return missing is null ? null : $"The body has no {missing}.";
        }
        catch (System.Text.Json.JsonException)
        {
            return "The body is not well-formed JSON.";
        }
    }

    private static Task RefuseAsync(HttpContext context, int status, string code, string detail)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        return context.Response.WriteAsync(new JsonObject { ["type"] = $"/api/v1/errors/{code}", ["title"] = "The mock refused", ["status"] = status, ["detail"] = detail, ["code"] = code, ["traceId"] = context.TraceIdentifier }.ToJsonString(), context.RequestAborted);
    }

    private static bool Fits(string pattern, string path)
    {
        var (wanted, given) = (pattern.Trim('/').Split('/'), path.Trim('/').Split('/'));
        return wanted.Length == given.Length && wanted.Zip(given).All(part => (part.First is ['{', ..] && part.Second.Length > 0) || part.First == part.Second);
    }
}
