using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Limits;

namespace Nexus.Gateway.Security.Watch;

/// <summary>Counts what looks like abuse within bounded memory: failed sign-ins by address, refused administration by caller.</summary>
internal sealed class AbuseWatch(SecuritySettings options, AddressBlocks blocks, Alerts alerts, SecurityTrail trail, TimeProvider time)
{
    private static readonly TimeSpan LoginWindow = TimeSpan.FromHours(1);
    private static readonly TimeSpan DeniedWindow = TimeSpan.FromMinutes(10);
    private readonly LimitTable logins = new(1 << 12, time);
    private readonly LimitTable denials = new(1 << 10, time);

    /// <summary>Whether sign-ins are watched.</summary>
    public bool WatchesLogins => options.Current.Abuse.FailedLogins > 0;

    /// <summary>Whether one more failed sign-in blocks the caller's address.</summary>
    public bool IsLastChance(GatewayRequest request) =>
        request.RemoteAddress is { } address && logins.Counted(AddressSet.CountingKey(address)) >= options.Current.Abuse.FailedLogins;

    /// <summary>Counts a failed sign-in; the block that it led to, or null.</summary>
    public async ValueTask<AddressBlock?> LoginFailedAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var abuse = options.Current.Abuse;
        if (request.RemoteAddress is not { } address || logins.Count(AddressSet.CountingKey(address), new Rate(abuse.FailedLogins, LoginWindow)).Allowed)
            return null;
        logins.Forget(AddressSet.CountingKey(address));
        var block = await blocks.AddAsync(address, TimeSpan.FromMinutes(abuse.BlockMinutes), $"more than {abuse.FailedLogins} sign-ins failed within an hour");
        alerts.Raise("login_abuse", block.Address, null, $"More than {abuse.FailedLogins} sign-ins failed within an hour; the address is blocked until {block.Until:u}.");
        await trail.DoneAsync(context, "security.address.blocked", block.Address, ("reason", block.Reason), ("until", block.Until.ToString("O")));
        return block;
    }

    /// <summary>Counts a caller's refused administrative request; many of them are an alert, once in ten minutes.</summary>
    public ValueTask AdministrationDeniedAsync(HttpContext context, string permission)
    {
        var request = GatewayRequest.Of(context);
        var limit = options.Current.Abuse.DeniedAdministration;
        if (limit == 0)
            return ValueTask.CompletedTask;
        var caller = request.Context.Caller;
        var key = LimitTable.Mix(caller.Id);
        var counted = denials.Counted(key);
        denials.Count(key, new Rate(limit + 1, DeniedWindow));
        if (counted != limit)
            return ValueTask.CompletedTask;
        alerts.Raise("privilege_escalation", request.Address, caller.Id, $"{caller.Name} was refused administration more than {limit} times within ten minutes, last {permission}.");
        return trail.DoneAsync(context, "security.alert.raised", caller.Id, ("kind", "privilege_escalation"), ("permission", permission));
    }
}
