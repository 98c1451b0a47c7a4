using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Moves of tenants between databases, for those who run the nodes: callers of the default tenant.</summary>
internal sealed class TenantMoveRoutes(IServiceProvider host, RequestBody bodies, TimeProvider time) : IPlatformRoutes
{
    private const string Permission = "platform.tenants:move";
    private const string MoveForm = """{"type":"object","additionalProperties":false,"required":["shard"],"properties":{"shard":{"type":"string","description":"name in database.shards; default for the platform's own database"}}}""";
    private const string RebalanceForm = """{"type":"object","additionalProperties":false,"properties":{"by":{"enum":["count","size"],"default":"count","description":"alike in tenants, or in bytes of their records"},"dryRun":{"type":"boolean","default":false,"description":"plan only"}}}""";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/tenants/moves", "listTenantMoves", "The newest move of each tenant between databases", Permission, async context => await JsonAnswer.SendAsync(context, await Moves(context).ListAsync(context.RequestAborted))) { Answer = Answer.Of<TenantMove[]>() },
        new("GET", "/api/v1/tenants/{tenant}/move", "getTenantMove", "The newest move of a tenant and how far it is", Permission, FindAsync) { Answer = Answer.Of<TenantMove>() },
        new("POST", "/api/v1/tenants/{tenant}/move", "moveTenant", "Move all data of a tenant to another database while it is served", Permission, MoveAsync) { Success = 202, Input = MoveForm, Answer = Answer.Of<TenantMove>() },
        new("DELETE", "/api/v1/tenants/{tenant}/move", "cancelTenantMove", "Give a move up before its switch: what was copied is removed, and the tenant stays where it is", Permission, CancelAsync) { Success = 202, Answer = Answer.Of<TenantMove>() },
        new("POST", "/api/v1/tenants/rebalance", "rebalanceTenants", "Plan the fewest moves that even the databases out, and begin them", Permission, RebalanceAsync) { Success = 202, Input = RebalanceForm, Answer = Answer.Of<PlannedMove[]>() },
    ];

    private ITenantMoves Moves(HttpContext context) => GatewayRequest.Of(context).Context.Tenant != CallContext.DefaultTenant
        ? throw new NexusException(ErrorCodes.PermissionDenied, "Only callers of the default tenant, who run the nodes, move tenants.")
        : host.GetService<ITenantMoves>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage of tenants.");

    private async Task FindAsync(HttpContext context)
    {
        var tenant = (string)context.Request.RouteValues["tenant"]!;
        var found = (await Moves(context).ListAsync(context.RequestAborted)).FirstOrDefault(m => m.Tenant == tenant);
        await JsonAnswer.SendAsync(context, found ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"The tenant {tenant} was never moved."));
    }

    private async Task MoveAsync(HttpContext context)
    {
        var moves = Moves(context);
        var tenant = (string)context.Request.RouteValues["tenant"]!;
        if (tenant.Length > 64 || !tenant.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw new NexusException(ErrorCodes.ResourceNotFound, "There is no such tenant.");
        var shard = (await ReadAsync<MoveBody>(context)).Shard ?? throw new NexusException(ErrorCodes.ValidationError, "The database to move to is missing.") { Errors = [new FieldError("/shard", "required", "Name a database of database.shards, or default.")] };
        await JsonAnswer.SendAsync(context, await StartAsync(moves, tenant, shard), StatusCodes.Status202Accepted);
    }

    private async Task CancelAsync(HttpContext context)
    {
        var moves = Moves(context);
        var tenant = (string)context.Request.RouteValues["tenant"]!;
        var move = await moves.CancelAsync(tenant, context.RequestAborted);
        await RecordAsync(tenant, AuditResult.Success, new { from = move.From, to = move.To, cancelled = true });
        await JsonAnswer.SendAsync(context, move, StatusCodes.Status202Accepted);
    }

    private async Task RebalanceAsync(HttpContext context)
    {
        var moves = Moves(context);
        var body = await ReadAsync<RebalanceBody>(context);
        if (body.By is not (null or "count" or "size"))
            throw new NexusException(ErrorCodes.ValidationError, "What is to be alike is unknown.") { Errors = [new FieldError("/by", "enum", "One of count, size.")] };
        var plan = await moves.PlanAsync(body.By == "size", context.RequestAborted);
        foreach (var move in body.DryRun ? [] : plan)
            await StartAsync(moves, move.Tenant, move.To);
        await JsonAnswer.SendAsync(context, plan, StatusCodes.Status202Accepted);
    }

    private async Task<TenantMove> StartAsync(ITenantMoves moves, string tenant, string shard)
    {
        try
        {
            // What has begun is not left half-done because its caller hung up.
            var move = await moves.StartAsync(tenant, shard, CancellationToken.None);
            await RecordAsync(tenant, AuditResult.Success, new { from = move.From, to = shard });
            return move;
        }
        catch (NexusException e)
        {
            await RecordAsync(tenant, AuditResult.Failure, new { to = shard, code = e.Code, reason = e.Message });
            throw;
        }
    }

    private async Task<T> ReadAsync<T>(HttpContext context)
        where T : new()
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        try
        {
            return body.IsEmpty ? new T() : JsonSerializer.Deserialize<T>(body.Span, JsonSerializerOptions.Web) ?? new T();
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.ValidationError, "The body does not have the form that this route takes.", e) { Errors = [new FieldError(e.Path?.Replace("$.", "/", StringComparison.Ordinal) ?? "", "type", "Of another kind than expected.")] };
        }
    }

    private async ValueTask RecordAsync<T>(string tenant, AuditResult result, T detail)
    {
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), "platform.tenant.moved", $"tenants/{tenant}", result, JsonSerializer.SerializeToUtf8Bytes(detail)), CancellationToken.None);
    }

    private sealed class MoveBody
    {
        public string? Shard { get; init; }
    }

    private sealed class RebalanceBody
    {
        public string? By { get; init; }

        public bool DryRun { get; init; }
    }
}
