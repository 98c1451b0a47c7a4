using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Tools;

/// <summary>Lists the tools that a caller may use, and carries out calls: reads at once, changes with a grant or after somebody approved the exact call.</summary>
internal sealed class ToolRunner(ToolCatalog catalog, ToolApprovals approvals, IAuthorization authorization, IOptionsMonitor<ToolOptions> options)
{
    /// <summary>Permission to change something by a tool without being asked each time.</summary>
    public const string WritePermission = "platform.tools:write";

    /// <summary>The tools that a caller may use, by name.</summary>
    public async Task<ImmutableArray<Tool>> ListAsync(CallContext context, CancellationToken cancellationToken)
    {
        var allowed = new Dictionary<string, bool>(StringComparer.Ordinal);
        var found = ImmutableArray.CreateBuilder<Tool>();
        foreach (var tool in catalog.Current.Values.Where(t => !t.Writes || options.CurrentValue.Writes != ToolWrites.Refuse).OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            if (!allowed.TryGetValue(tool.Permission, out var may))
                allowed[tool.Permission] = may = await MayAsync(context, tool.Permission, cancellationToken);
            if (may)
                found.Add(tool);
        }

        return found.DrainToImmutable();
    }

    /// <summary>The tool of a name, whether or not anybody may use it; null when there is none.</summary>
    public Tool? Find(string name) => catalog.Current.GetValueOrDefault(name);

    /// <summary>Where the failure of a call comes from, as the caller may see it; null otherwise.</summary>
    public async Task<FailureOrigin?> OriginAsync(Tool tool, CallContext context, Exception failure, CancellationToken cancellationToken) =>
        await Origins.MayAsync(authorization, context, cancellationToken) ? FailureOrigin.Find(failure) ?? tool.Origin : null;

    /// <summary>Carries out a call.</summary>
    /// <exception cref="NexusException">It is refused.</exception>
    public async Task<JsonObject> RunAsync(Tool tool, CallContext context, JsonElement arguments, CancellationToken cancellationToken)
    {
        var call = new ToolCall(context, arguments);
        if (!tool.Writes)
            return await tool.Run(call, cancellationToken);
        var writes = options.CurrentValue.Writes;
        if (writes == ToolWrites.Refuse)
            throw new NexusException(ErrorCodes.PermissionDenied, "Tools that change something are switched off on this node (tools.writes).");
        // Who may not do it at all is told so before anybody is asked to approve it.
        var decision = await authorization.DecideAsync(context, tool.Permission, cancellationToken);
        if (decision.Scope == AccessScope.None)
            throw decision.Refusal(context, tool.Permission);
        if (writes == ToolWrites.Allow || await MayAsync(context, WritePermission, cancellationToken))
            return await tool.Run(call, cancellationToken);
        var (approval, key) = await approvals.AskAsync(tool.Name, context, arguments, TimeSpan.FromMinutes(options.CurrentValue.ApprovalMinutes), cancellationToken);
        if (key is null)
            return Waiting(approval);
        // Once: a call with a key is used up after it, as doing it again has no effect; one without before it, whatever becomes of it.
        if (!tool.Keyed)
            await approvals.UsedAsync(approval, context.Tenant, CancellationToken.None);
        var result = await tool.Run(call with { Idempotency = key }, cancellationToken);
        if (tool.Keyed)
            await approvals.UsedAsync(approval, context.Tenant, CancellationToken.None);
        return result;
    }

    private static JsonObject Waiting(ToolApproval approval) => new()
    {
        ["done"] = false,
        ["approval"] = approval.Id,
        ["state"] = approval.State,
        ["expiresAt"] = approval.ExpiresAt.ToString("O"),
        ["message"] = approval.State == ToolApproval.Denied
            ? $"Nothing was changed: {approval.DecidedBy} refused this call."
            : $"Nothing was changed yet: a person must approve this exact call, by `nexus tool approve {approval.Id}` or POST /api/v1/tools/approvals/{approval.Id}/approve. Call the tool again with the same arguments afterwards.",
    };

    private async Task<bool> MayAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        (await authorization.DecideAsync(context, permission, cancellationToken)).Scope != AccessScope.None;
}
