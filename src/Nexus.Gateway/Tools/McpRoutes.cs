using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Nexus.Gateway.Errors;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Tools;

/// <summary>
/// The Model Context Protocol over streamable HTTP, without sessions: every POST stands for itself, so any node answers any client and a swap is seen by the
/// next call. The route is open to anybody; each tool asks the policy point.
/// </summary>
internal sealed class McpRoutes(ToolRunner runner, McpResources resources, RequestBody bodies, IOptionsMonitor<ToolOptions> options, ILoggerFactory loggers, IServiceProvider host) : IPlatformRoutes
{
    private const int MaxText = 1_000_000;
    private readonly ILogger log = loggers.CreateLogger("Nexus.Gateway");

    private static readonly string Version = typeof(McpRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes
    {
        get
        {
            if (!options.CurrentValue.Enabled)
                yield break;
            yield return new("POST", options.CurrentValue.Path, "callMcp", "The Model Context Protocol: one JSON-RPC message, answered as text/event-stream", PlatformRoute.Anyone, PostAsync) { Input = """{"type":"object","required":["jsonrpc"],"properties":{"jsonrpc":{"const":"2.0"},"id":{},"method":{"type":"string"},"params":{"type":"object"}}}""", Answer = Answer.Plain("text/event-stream") };
        }
    }

    private async Task PostAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        if (request.SignedIn is { MustChangePassword: true })
            throw new NexusException(ErrorCodes.PasswordChangeRequired, "The password must be changed first; until then nothing else is served to this caller.");
        var body = await bodies.ReadLongTextAsync(context, request, MaxText);
        var message = Read(body);
        context.Response.Headers.CacheControl = "no-store";
        await using var transport = new StreamableHttpServerTransport(loggers) { Stateless = true };
        await using var server = McpServer.Create(transport, OptionsFor(request.Context), loggers, host);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var running = server.RunAsync(ended.Token);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            if (!await transport.HandlePostRequestAsync(message, context.Response.Body, context.RequestAborted))
            {
                context.Response.ContentType = null;
                context.Response.StatusCode = StatusCodes.Status202Accepted;
            }
        }
        finally
        {
            await ended.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static JsonRpcMessage Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonRpcMessage>(body.Span, McpJsonUtilities.DefaultOptions) ?? throw new NexusException(ErrorCodes.BadRequest, "The body is one JSON-RPC 2.0 message.");
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"The body is one JSON-RPC 2.0 message: {e.Message}", e);
        }
    }

    private McpServerOptions OptionsFor(CallContext caller) => new()
    {
        ServerInfo = new Implementation { Name = "nexus", Title = "Nexus", Version = Version },
        ServerInstructions = "Each resource of the platform has tools to list, get, create, update and delete its records, and its actions. Calls that change something may have to be approved by a person first; the result says so.",
        Handlers = new McpServerHandlers
        {
            ListToolsHandler = async (_, token) => await IdentifiedAsync(async () => new ListToolsResult { Tools = [.. (await runner.ListAsync(caller, token)).Select(Describe)] }),
            CallToolHandler = (call, token) => IdentifiedAsync(() => CallAsync(caller, Demand(call.Params), token)),
            ListResourcesHandler = async (_, token) => await IdentifiedAsync(async () => new ListResourcesResult { Resources = [.. await resources.ListAsync(caller, token)] }),
            ListResourceTemplatesHandler = async (_, token) => await IdentifiedAsync(async () => new ListResourceTemplatesResult { ResourceTemplates = [.. await resources.TemplatesAsync(caller, token)] }),
            ReadResourceHandler = async (call, token) => await IdentifiedAsync(() => resources.ReadAsync(caller, Demand(call.Params).Uri, token)),
            ListPromptsHandler = (_, _) => ValueTask.FromResult(new ListPromptsResult { Prompts = [.. McpPrompts.All] }),
            GetPromptHandler = (call, _) => IdentifiedAsync(() => Task.FromResult(McpPrompts.Get(Demand(call.Params)))),
        },
    };

    private static T Demand<T>(T? parameters)
        where T : class => parameters ?? throw new McpProtocolException("params must be given.", McpErrorCode.InvalidParams);

    private static ModelContextProtocol.Protocol.Tool Describe(Tool tool) => new()
    {
        Name = tool.Name,
        Title = tool.Title,
        Description = tool.Description,
        InputSchema = tool.Input,
        Annotations = new ToolAnnotations { ReadOnlyHint = !tool.Writes, DestructiveHint = tool.Destructive, IdempotentHint = !tool.Writes || tool.Repeatable, OpenWorldHint = false },
    };

    /// <summary>Gives errors of the protocol the request's id as their data, and those of the platform a text that may leave.</summary>
    private async ValueTask<T> IdentifiedAsync<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer();
        }
        catch (McpProtocolException exception)
        {
            exception.Data["requestId"] = GatewayRequest.Current?.Id;
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            var known = Known(exception);
            throw new McpProtocolException($"{known.Code}: {Masking.Mask(known.Message)}", McpErrorCode.InternalError) { Data = { ["requestId"] = GatewayRequest.Current?.Id } };
        }
    }

    private NexusException Known(Exception exception)
    {
        if (exception is NexusException { Status: < 500 } refusal)
            return refusal;
        log.LogError(exception, "A call of the Model Context Protocol failed");
        return exception as NexusException ?? new NexusException(ErrorCodes.InternalError, ErrorCodes.Get(ErrorCodes.InternalError).Title);
    }

    private async Task<CallToolResult> CallAsync(CallContext caller, CallToolRequestParams asked, CancellationToken cancellationToken)
    {
        if (runner.Find(asked.Name) is not { } tool)
            throw new McpProtocolException($"There is no tool {asked.Name}.", McpErrorCode.InvalidParams);
        try
        {
            var arguments = JsonSerializer.SerializeToElement(asked.Arguments ?? new Dictionary<string, JsonElement>());
            return ResultOf(await runner.RunAsync(tool, caller, arguments, cancellationToken), isError: false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // For the model to read and mend, as the protocol asks of faults within a tool.
            return ResultOf(Origins.Add(ProblemOf(Known(e)), await runner.OriginAsync(tool, caller, e, cancellationToken)), isError: true);
        }
    }

    private static CallToolResult ResultOf(JsonObject result, bool isError) => new()
    {
        Content = [new TextContentBlock { Text = result.ToJsonString() }],
        StructuredContent = JsonSerializer.SerializeToElement(result),
        IsError = isError,
    };

    private static JsonObject ProblemOf(NexusException error) => new()
    {
        ["code"] = error.Code,
        ["message"] = Masking.Mask(error.Message),
        ["errors"] = new JsonArray([.. error.Errors.Select(e => (JsonNode)new JsonObject { ["pointer"] = e.Pointer, ["code"] = e.Code, ["message"] = Masking.Mask(e.Message) })]),
    };
}
