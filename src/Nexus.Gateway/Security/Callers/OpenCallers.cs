using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Security.Callers;

/// <summary>
/// Callers of connections that stay open. Twice a second the strategies are asked again about the credentials they came with, in memory as for a request and once however many connections
/// share them: one that expired or was revoked, on whichever node, ends its connections, and a caller whose roles changed goes on with the new ones.
/// </summary>
internal sealed partial class OpenCallers(ActiveIdentity identity, TimeProvider time, ILogger<OpenCallers> log) : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private readonly ConcurrentDictionary<Credentials, Sharing> open = new();
    private readonly CancellationTokenSource over = new();
    private readonly Lock gate = new();
    private Task? looking;

    /// <summary>How many are open.</summary>
    public int Count => open.Values.Sum(sharing => sharing.Callers.Count);

    /// <summary>The caller of a request whose connection stays open.</summary>
    public OpenCaller Open(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        return Open(AuthenticationStage.CredentialsOf(context, request), request.Context, request.SignedIn is not null);
    }

    /// <summary>The caller of credentials that came over an open connection; null when they are refused.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c>: the identity plugin is being replaced.</exception>
    public async ValueTask<OpenCaller?> OpenAsync(Credentials credentials, CallContext context, CancellationToken cancellationToken)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            if (await AskAsync(credentials, cancellationToken) is { } answer)
                return answer.SignedIn is { MustChangePassword: false } found ? Open(credentials, context with { Caller = found.Caller, Tenant = found.Tenant }, follow: true) : null;
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellationToken);
        }
        throw new NexusException(ErrorCodes.ServiceUnavailable, "The identity plugin is being replaced or stopped.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        over.Cancel();
        over.Dispose();
    }

    private OpenCaller Open(Credentials credentials, CallContext context, bool follow)
    {
        if (!follow)
            return new OpenCaller(context, static _ => { });
        lock (gate)
        {
            // Its own copy of what it came with is let go of where others came with the same.
            var sharing = open.GetOrAdd(credentials, static (one, all) => new Sharing(one, all), this);
            var caller = new OpenCaller(context, sharing.Leave);
            sharing.Callers[caller] = 0;
            looking ??= Task.Run(() => LookAsync(over.Token));
            return caller;
        }
    }

    private void Leave(Sharing sharing, OpenCaller caller)
    {
        lock (gate)
        {
            if (sharing.Callers.TryRemove(caller, out _) && sharing.Callers.IsEmpty)
                open.TryRemove(sharing.Credentials, out _);
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Look, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                foreach (var (credentials, sharing) in open)
                {
                    if (await AskAsync(credentials, stop) is not { } answer)
                        continue;
                    foreach (var (caller, _) in sharing.Callers)
                        caller.Told(answer);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    /// <summary>What the strategies say; null when they cannot be asked now, because their plugin is being replaced or failed. Then whoever is in stays in: the policy is asked all the same.</summary>
    private async ValueTask<Authentication?> AskAsync(Credentials credentials, CancellationToken cancellationToken)
    {
        var strategies = identity.Current.Strategies;
        foreach (var strategy in strategies)
        {
            if (!strategy.Lease.TryEnter())
                return null;
            try
            {
                var answer = await strategy.Contribution.Authenticate(credentials, cancellationToken);
                if (answer.SignedIn is not null || answer.Refusal is not null)
                    return answer;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                TellFailed(log, strategy.Contribution.Name, exception.ToString());
                return null;
            }
            finally
            {
                strategy.Lease.Exit();
            }
        }
        return strategies.IsEmpty && identity.WasEverActive ? null : Authentication.Refuse("No strategy reads these credentials.");
    }

    /// <summary>The connections of one caller's credentials.</summary>
    private sealed class Sharing
    {
        public Sharing(Credentials credentials, OpenCallers all) => (Credentials, Leave) = (credentials, caller => all.Leave(this, caller));

        public Credentials Credentials { get; }

        public ConcurrentDictionary<OpenCaller, byte> Callers { get; } = new();

        /// <summary>Takes one out.</summary>
        public Action<OpenCaller> Leave { get; }
    }

    [LoggerMessage(5, LogLevel.Error, "The authentication strategy {Strategy} failed for an open connection: {Error}")]
    private static partial void TellFailed(ILogger log, string strategy, string error);
}

/// <summary>The caller of one connection that stays open, until it is disposed.</summary>
internal sealed class OpenCaller(CallContext context, Action<OpenCaller> left) : IDisposable
{
    private readonly CancellationTokenSource ended = new();
    private volatile CallContext context = context;

    /// <summary>Who it is now.</summary>
    public CallContext Context => context;

    /// <summary>Whether nobody has signed in.</summary>
    public bool IsAnonymous => ReferenceEquals(context.Caller, Caller.Anonymous);

    /// <summary>Fires when the credentials stand no more.</summary>
    public CancellationToken Ended => ended.Token;

    /// <summary>What the strategies say now.</summary>
    public void Told(Authentication answer)
    {
        if (answer.SignedIn is { MustChangePassword: false } found && found.Tenant == context.Tenant && found.Caller.Id == context.Caller.Id)
            context = context with { Caller = found.Caller };
        else
            _ = ended.CancelAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => left(this);
}
