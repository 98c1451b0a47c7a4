using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Finds the caller's address, also behind trusted proxies, and refuses those that the rules or a block keep out. A transport without addresses has none to refuse.</summary>
internal sealed class AddressStage(RequestDelegate next, AddressRules rules, AddressBlocks blocks, Refusals refusals)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is not { } peer)
            return next(context);
        var lists = rules.Current;
        var address = ForwardedAddress.Of(context, peer, lists.Proxies);
        ForwardedAddress.TakeScheme(context, peer, lists.Proxies);
        GatewayRequest.Of(context).RemoteAddress = address;
        // Plugins read it here.
        if (!ReferenceEquals(address, peer))
            context.Connection.RemoteIpAddress = address;
        if (!lists.Admits(address))
            return refusals.RefuseAsync(context, ErrorCodes.AddressBlocked, "security.address.refused", $"Requests from {address} are not served here.");
        if (blocks.Find(address) is { } block)
            return RefuseBlockedAsync(context, block);
        return next(context);
    }

    private Task RefuseBlockedAsync(HttpContext context, AddressBlock block)
    {
        context.Response.Headers.RetryAfter = refusals.SecondsUntil(block.Until);
        return refusals.RefuseAsync(context, ErrorCodes.AddressBlocked, "security.address.refused", $"Requests from {block.Address} are not served until {block.Until:u}: {block.Reason}");
    }
}
