using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Forwarding;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Limits;

/// <summary>Counts requests by address and by caller, as <c>security.rateLimits</c> says, and refuses or holds back those over the limit.</summary>
internal sealed class RequestLimits : IDisposable
{
    private readonly LimitTable addresses;
    private readonly LimitTable callers;
    private readonly ConcurrentDictionary<int, Rate> keyRates = new();
    private readonly TimeProvider time;
    private readonly Refusals refusals;
    private readonly SharedLimits shared;
    private readonly ForwardingSettings? forwarding;
    private readonly IDisposable? following;
    private volatile Settings settings;
    private int delayed;

    public RequestLimits(IOptionsMonitor<SecurityOptions> options, Refusals refusals, SharedLimits shared, TimeProvider time, ForwardingSettings? forwarding = null)
    {
        this.shared = shared;
        this.forwarding = forwarding;
        // 3 MB for 131,072 addresses that are being counted at one time, as much for callers.
        addresses = new LimitTable(1 << 14, time);
        callers = new LimitTable(1 << 14, time);
        this.refusals = refusals;
        this.time = time;
        settings = Settings.Of(options.CurrentValue.RateLimits);
        following = options.OnChange(changed => settings = Settings.Of(changed.RateLimits));
    }

    /// <summary>Bytes that all counts take, whatever the number of callers.</summary>
    public long Bytes => addresses.Bytes + callers.Bytes;

    /// <summary>Counts a request under its address.</summary>
    public Task CountAddress(HttpContext context, RequestDelegate next)
    {
        var now = settings;
        var request = GatewayRequest.Of(context);
        if (!now.Enabled || request.RemoteAddress is not { } address || !now.Loopback && IPAddress.IsLoopback(address))
            return next(context);
        return IsShared(context, now)
            ? DecideSharedAsync(context, request, now, now.Address, SharedLimits.KeyOf(address), patience => addresses.Take(AddressSet.CountingKey(address), now.Address, patience), next)
            : Decide(context, request, now, now.Address, addresses.Take(AddressSet.CountingKey(address), now.Address, PatienceOf(now)), next);
    }

    /// <summary>Counts a request under its caller or key. A key with a limit of its own is counted wherever it calls from.</summary>
    public Task CountCaller(HttpContext context, RequestDelegate next)
    {
        var now = settings;
        var request = GatewayRequest.Of(context);
        if (request.SignedIn is not { } signedIn)
            return next(context);
        if (signedIn.RequestsPerMinute is not { } own)
        {
            if (!now.Enabled || !now.Loopback && request.RemoteAddress is { } address && IPAddress.IsLoopback(address))
                return next(context);
            return DecideCaller(context, request, now, now.Caller, signedIn, next);
        }
        return DecideCaller(context, request, now, RateOf(own), signedIn, next);
    }

    private Task DecideCaller(HttpContext context, GatewayRequest request, Settings now, Rate rate, SignedIn signedIn, RequestDelegate next)
    {
        if (IsShared(context, now))
            return DecideSharedAsync(context, request, now, rate, $"caller-{signedIn.LimitKey ?? signedIn.Caller.Id}", patience => callers.Take(KeyOf(signedIn), rate, patience), next);
        return Decide(context, request, now, rate, callers.Take(KeyOf(signedIn), rate, PatienceOf(now)), next);
    }

    /// <inheritdoc/>
    public void Dispose() => following?.Dispose();

    /// <summary>The rates of API keys; there are few different ones.</summary>
    private Rate RateOf(int perMinute)
    {
        if (keyRates.TryGetValue(perMinute, out var known))
            return known;
        var rate = new Rate(perMinute, TimeSpan.FromMinutes(1));
        if (keyRates.Count < 1000)
            keyRates.TryAdd(perMinute, rate);
        return rate;
    }

    /// <summary>A gateway counts what it passes on by itself alone: the nodes count it together, and once.</summary>
    private bool IsShared(HttpContext context, Settings now) => now.Shared && forwarding?.PassesOn(context.Request.Path) != true;

    private static ulong KeyOf(SignedIn signedIn) => LimitTable.Mix(signedIn.LimitKey ?? signedIn.Caller.Id);

    private TimeSpan PatienceOf(Settings now) => now.Patience > TimeSpan.Zero && Volatile.Read(ref delayed) < now.MaxDelayed ? now.Patience : TimeSpan.Zero;

    private async Task DecideSharedAsync(HttpContext context, GatewayRequest request, Settings now, Rate rate, string key, Func<TimeSpan, Verdict> alone, RequestDelegate next)
    {
        var patience = PatienceOf(now);
        await Decide(context, request, now, rate, await shared.TakeAsync(key, rate, patience) ?? alone(patience), next);
    }

    private Task Decide(HttpContext context, GatewayRequest request, Settings now, Rate rate, in Verdict verdict, RequestDelegate next)
    {
        request.Limit = new LimitNotice(rate, verdict);
        if (!verdict.Allowed)
        {
            context.Response.Headers.RetryAfter = LimitNotice.Seconds(verdict.Wait);
            return refusals.RefuseAsync(context, ErrorCodes.RateLimited, "security.rate.exceeded", $"{rate.Requests} requests in {rate.Window.TotalSeconds:0.###} s are allowed; the next one in {LimitNotice.Seconds(verdict.Wait)} s.");
        }
        return verdict.Wait == TimeSpan.Zero ? next(context) : DelayAsync(context, verdict.Wait, next);
    }

    private async Task DelayAsync(HttpContext context, TimeSpan wait, RequestDelegate next)
    {
        Interlocked.Increment(ref delayed);
        try
        {
            await Task.Delay(wait, time, context.RequestAborted);
        }
        finally
        {
            Interlocked.Decrement(ref delayed);
        }
        await next(context);
    }

    /// <summary>The options in the form that is counted with.</summary>
    private sealed record Settings(bool Enabled, bool Shared, bool Loopback, Rate Address, Rate Caller, TimeSpan Patience, int MaxDelayed)
    {
        public static Settings Of(RateLimitOptions options) => new(options.Enabled, options.Shared, options.Loopback, Of(options.Address), Of(options.Caller), options.Mode == RateLimitMode.Throttle ? TimeSpan.FromSeconds(options.MaxDelaySeconds) : TimeSpan.Zero, options.MaxDelayed);

        private static Rate Of(RateOptions rate) => new(rate.Requests, TimeSpan.FromSeconds(rate.Seconds));
    }
}
