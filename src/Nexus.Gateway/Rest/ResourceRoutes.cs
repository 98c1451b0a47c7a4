using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Caching;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Rest;

/// <summary>One route of a resource.</summary>
internal sealed record ResourceRoute(RouteFacts Facts, RequestDelegate Handler);

/// <summary>What <see cref="ResourceRoutes"/> need of the gateway.</summary>
internal sealed record ResourceParts(IResourceOperations Operations, RequestBody Bodies, IReadOnlyList<string> HiddenFields, Func<MiddlewareLink[]> Chain, ScopeParts Scopes, CachedAnswers Answers)
{
    /// <summary>What reaches attachments; asked for by resources that have them.</summary>
    public required Func<IAttachmentOperations> Attachments { get; init; }
}

/// <summary>The routes of one resource of one generation, drawn from its descriptor. They run host code only: the plugin's hooks are called, under its lease, by <see cref="IResourceOperations"/>.</summary>
internal sealed partial class ResourceRoutes
{
    private static readonly ImmutableArray<string> Read = ["GET", "HEAD"];

    // Attachments come and go without a write of their record, so no answer about them is kept.
    private static readonly ImmutableArray<string> ReadNow = ["GET", "HEAD"];
    private readonly ActivePlugin plugin;
    private readonly ResourceDescriptor resource;
    private readonly ResourceParts parts;
    private readonly JsonProjection? always;
    private readonly string path;

    public ResourceRoutes(ActivePlugin plugin, ResourceDescriptor resource, ResourceParts parts)
    {
        this.plugin = plugin;
        this.resource = resource;
        this.parts = parts;
        always = JsonProjection.For(resource, parts.HiddenFields);
        path = $"{plugin.Manifest.RoutePrefix}/{resource.Name}";
    }

    /// <summary>All routes of the resource.</summary>
    public IEnumerable<ResourceRoute> Routes(RequestMetrics metrics)
    {
        yield return Route(metrics, "", Read, "list", "read", ListAsync);
        yield return Route(metrics, "/{id}", Read, "get", "read", Get);
        if (resource.View is not null)
            yield break;
        yield return Route(metrics, "", ["POST"], "create", "create", CreateAsync);
        yield return Route(metrics, "/{id}", ["PUT"], "replace", "update", context => ChangeAsync(context, ChangeKind.Replace));
        yield return Route(metrics, "/{id}", ["PATCH"], "update", "update", context => ChangeAsync(context, ChangeKind.Merge));
        yield return Route(metrics, "/{id}", ["DELETE"], "delete", "delete", context => ChangeAsync(context, ChangeKind.Delete));
        yield return Route(metrics, "/batch", ["POST"], "batch create", "create", context => BatchAsync(context, ChangeKind.Create));
        yield return Route(metrics, "/batch", ["PUT"], "batch replace", "update", context => BatchAsync(context, ChangeKind.Replace));
        yield return Route(metrics, "/batch", ["PATCH"], "batch update", "update", context => BatchAsync(context, ChangeKind.Merge));
        yield return Route(metrics, "/batch", ["DELETE"], "batch delete", "delete", context => BatchAsync(context, ChangeKind.Delete));
        if (resource.Attachments is { } rules)
        {
            yield return Route(metrics, "/{id}/attachments", ReadNow, "attachments", "read", ListAttachmentsAsync);
            yield return Route(metrics, "/{id}/attachments", ["POST"], "attach", "update", context => AttachAsync(context, rules));
            yield return Route(metrics, "/{id}/attachments/{attachment}", ReadNow, "attachment", "read", SendAttachmentAsync);
            yield return Route(metrics, "/{id}/attachments/{attachment}", ["DELETE"], "detach", "update", DetachAsync);
        }
        foreach (var action in resource.Actions)
        {
            yield return Route(metrics, $"/{{id}}/actions/{action.Name}", ["POST"], action.Name, action.Name, context => ChangeAsync(context, ChangeKind.Action, action.Name));
            yield return Route(metrics, $"/batch/actions/{action.Name}", ["POST"], $"batch {action.Name}", action.Name, context => BatchAsync(context, ChangeKind.Action, action.Name));
        }
    }

    private ResourceRoute Route(RequestMetrics metrics, string suffix, ImmutableArray<string> methods, string verb, string permission, Func<HttpContext, GatewayRequest, Task> handle)
    {
        var facts = new RouteFacts
        {
            Plugin = plugin.Manifest.Name,
            Methods = methods,
            Pattern = path + suffix,
            Handler = $"{resource.Name}: {verb}",
            Permission = resource.PermissionFor(permission),
            Cached = methods == Read ? resource.Cached : null,
            Version = plugin.Manifest.Version,
            Counters = metrics.For(plugin.Manifest.Name, path + suffix),
        };
        return new ResourceRoute(facts, context =>
        {
            var request = GatewayRequest.Of(context);
            request.Matched(facts, context);
            plugin.Quota?.Call();
            var chain = parts.Chain();
            if (CachedAnswers.Serves(context, facts))
                return RunCachedAsync(chain, context, request, facts, handle);
            return request.Span is not null ? RunInSpanAsync(chain, context, request, handle)
                : chain.Length == 0 ? handle(context, request)
                : RunChainAsync(chain, context, request, handle);
        });
    }

    private ResourceRoute Route(RequestMetrics metrics, string suffix, ImmutableArray<string> methods, string verb, string permission, Func<HttpContext, Task> handle) =>
        Route(metrics, suffix, methods, verb, permission, (context, request) => RetryRefusedAsync(context, request, handle));

    /// <summary>Reads one record. The path of most requests: no state machine, one copy of the stored bytes.</summary>
    private Task Get(HttpContext context, GatewayRequest request)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var found = parts.Operations.FindAsync(new ResourceCall(plugin, resource, request.Context), id, CancellationToken.None);
        return found.IsCompletedSuccessfully ? AnswerRecord(context, found.Result) : AwaitAsync(context, request, found);

        async Task AwaitAsync(HttpContext context, GatewayRequest request, ValueTask<StoredRecord?> found)
        {
            try
            {
                await AnswerRecord(context, await found);
            }
            catch (NexusException exception) when (IsRefused(exception))
            {
                request.Refused = true;
            }
        }
    }

    private Task AnswerRecord(HttpContext context, StoredRecord? record)
    {
        if (record is null)
            return NoRecordAsync(context);
        // A view's rows may change without a revision of their own.
        var tag = resource.View is null ? EntityTags.For(record.Revision) : TagOf(new RecordPage([record], null), isView: true);
        context.Response.Headers.ETag = tag;
        if (EntityTags.IsNamed(context.Request.Headers.IfNoneMatch, tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }
        var projection = always;
        if (context.Request.QueryString.HasValue && ListRequest.Selection(resource, context.Request.Query) is { Length: > 0 } fields)
            projection = JsonProjection.Of(always, fields);
        return JsonAnswer.SendBytesAsync(context, projection?.Apply(record.Json) ?? record.Json);
    }

    private Task NoRecordAsync(HttpContext context) =>
        Problem.WriteAsync(context, ErrorCodes.ResourceNotFound, $"{resource.Name} have no record {context.Request.RouteValues["id"]} that you may see.");

    private async Task ListAsync(HttpContext context)
    {
        var list = ListRequest.Read(resource, context.Request);
        var page = await parts.Operations.ListAsync(Call(context), list.Query, context.RequestAborted);
        var headers = context.Response.Headers;
        if (list.Links(context.Request, page.NextCursor) is { } links)
            headers.Link = links;
        if (page.Total is { } total)
            headers["X-Total-Count"] = total.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var tag = TagOf(page, resource.View is not null);
        headers.ETag = tag;
        if (EntityTags.IsNamed(context.Request.Headers.IfNoneMatch, tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        await JsonAnswer.SendBytesAsync(context, Join(page.Records, list.Fields.IsEmpty ? always : JsonProjection.Of(always, list.Fields)));
    }

    private static ReadOnlyMemory<byte> Join(ImmutableArray<StoredRecord> records, JsonProjection? projection)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(2 + records.Sum(r => r.Json.Length + 1));
        System.Buffers.BuffersExtensions.Write(buffer, "["u8);
        for (var i = 0; i < records.Length; i++)
        {
            if (i > 0)
                System.Buffers.BuffersExtensions.Write(buffer, ","u8);
            var json = projection?.Apply(records[i].Json) ?? records[i].Json;
            System.Buffers.BuffersExtensions.Write(buffer, json.Span);
        }
        System.Buffers.BuffersExtensions.Write(buffer, "]"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>A weak tag over which records in which revision a page shows, of a view over what they say (FNV-1a).</summary>
    private static string TagOf(RecordPage page, bool isView)
    {
        var hash = 14695981039346656037UL;
        foreach (var record in page.Records)
        {
            foreach (var letter in record.Id)
                hash = (hash ^ letter) * 1099511628211UL;
            hash = (hash ^ (ulong)record.Revision) * 1099511628211UL;
            foreach (var part in isView ? record.Json.Span : [])
                hash = (hash ^ part) * 1099511628211UL;
        }
        hash = (hash ^ (ulong)(page.Total ?? -1)) * 1099511628211UL;
        return $"W/\"{(page.NextCursor is null ? hash : ~hash):x16}\"";
    }

    private ResourceCall Call(HttpContext context) => new(plugin, resource, GatewayRequest.Of(context).Context);

    /// <summary>The hooks of this generation are out of reach because it drains; nothing was done, so the request may be routed again.</summary>
    private bool IsRefused(NexusException exception)
    {
        if (exception.Code != ErrorCodes.ServiceUnavailable)
            return false;
        if (!plugin.Lease.TryEnter())
            return true;
        plugin.Lease.Exit();
        return false;
    }

    private async Task RetryRefusedAsync(HttpContext context, GatewayRequest request, Func<HttpContext, Task> handle)
    {
        try
        {
            await handle(context);
        }
        catch (NexusException exception) when (IsRefused(exception))
        {
            request.Refused = true;
        }
    }

    private async Task RunInSpanAsync(MiddlewareLink[] chain, HttpContext context, GatewayRequest request, Func<HttpContext, GatewayRequest, Task> handle)
    {
        using var span = NexusTracing.Start(NexusTracing.Plugin);
        span?.SetTag("nexus.plugin", plugin.Manifest.Name).SetTag("http.route", request.Route!.Pattern);
        await (chain.Length == 0 ? handle(context, request) : RunChainAsync(chain, context, request, handle));
    }

    /// <summary>Behind the middleware of plugins, which may refuse the request.</summary>
    private async Task RunCachedAsync(MiddlewareLink[] chain, HttpContext context, GatewayRequest request, RouteFacts facts, Func<HttpContext, GatewayRequest, Task> handle)
    {
        using var span = request.Span is null ? null : NexusTracing.Start(NexusTracing.Plugin);
        span?.SetTag("nexus.plugin", plugin.Manifest.Name).SetTag("http.route", facts.Pattern);
        await RunChainAsync(chain, context, request, (c, r) => parts.Answers.RunAsync(c, facts, () => handle(c, r)));
    }

    private async Task RunChainAsync(MiddlewareLink[] chain, HttpContext context, GatewayRequest request, Func<HttpContext, GatewayRequest, Task> handle)
    {
        if (!await MiddlewareChain.TryRunAsync(chain, context, parts.Scopes, () => handle(context, request)))
            request.Refused = true;
    }
}
