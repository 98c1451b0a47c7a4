using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Security.Watch;

/// <summary>Watches the answers of sign-in routes, which are the public POST routes of the plugin that brings the policy: 401 and 423 there are failed sign-ins. An old refresh token or the end of a session that is over are none: clients send them by themselves.</summary>
internal sealed class SignInWatchStage(RequestDelegate next, AbuseWatch watch, ActiveIdentity identity, Refusals refusals)
{
    public Task InvokeAsync(HttpContext context) =>
        HttpMethods.IsPost(context.Request.Method) && watch.WatchesLogins
        && context.GetEndpoint()?.Metadata.GetMetadata<RouteFacts>() is { Permission: null } route && route.Plugin == identity.Current.PolicyPlugin
        && !route.Pattern.EndsWith("/refresh", StringComparison.Ordinal) && !route.Pattern.EndsWith("/logout", StringComparison.Ordinal)
            ? WatchAsync(context)
            : next(context);

    private async Task WatchAsync(HttpContext context)
    {
        // Only the answer that may turn into a block is held back until its status is known.
        var sent = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var held = watch.IsLastChance(GatewayRequest.Of(context)) ? new HeldBody() : null;
        if (held is not null)
            context.Features.Set<IHttpResponseBodyFeature>(held);
        try
        {
            await next(context);
        }
        finally
        {
            context.Features.Set(sent);
        }
        var failed = context.Response.StatusCode is StatusCodes.Status401Unauthorized or StatusCodes.Status423Locked;
        if (failed && await watch.LoginFailedAsync(context) is { } block && !context.Response.HasStarted)
        {
            context.Response.Headers.RetryAfter = refusals.SecondsUntil(block.Until);
            context.Response.Headers.SetCookie = default;
            context.Response.Headers.WWWAuthenticate = default;
            await Problem.WriteAsync(context, ErrorCodes.AddressBlocked, $"Requests from {block.Address} are not served until {block.Until:u}: {block.Reason}.");
        }
        else if (held is not null)
        {
            await held.SendAsync(context.Response.Body);
        }
    }

    /// <summary>A body in memory; starting it starts no answer.</summary>
    private sealed class HeldBody : IHttpResponseBodyFeature, IDisposable
    {
        private readonly MemoryStream body = new();
        private System.IO.Pipelines.PipeWriter? writer;

        public Stream Stream => body;

        public System.IO.Pipelines.PipeWriter Writer => writer ??= System.IO.Pipelines.PipeWriter.Create(body, new(leaveOpen: true));

        public async Task CompleteAsync()
        {
            if (writer is not null)
                await writer.FlushAsync();
        }

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
            SendFileFallback.SendFileAsync(body, path, offset, count, cancellationToken);

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public void Dispose() => body.Dispose();

        public async Task SendAsync(Stream to)
        {
            await CompleteAsync();
            await to.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length));
        }
    }
}
