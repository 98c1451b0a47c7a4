using System.Buffers;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Limits;

namespace Nexus.Gateway.Security.Watch;

/// <summary>
/// The gateway's entries of the audit trail. One address leaves at most 60 lines of one action at once and one a second after that: a flood must not
/// fill the trail; the next line says how many were left out.
/// </summary>
internal sealed partial class SecurityTrail(IServiceProvider host, TimeProvider time, ILogger<SecurityTrail> log)
{
    private static readonly Rate Lines = new(60, TimeSpan.FromMinutes(1));
    private readonly LimitTable lines = new(1 << 12, time);
    private IAuditTrail? trail;
    private long leftOut;

    /// <summary>Refusals since the process began, recorded or left out.</summary>
    public long Denied => Volatile.Read(ref denied);

    private long denied;

    /// <summary>Whether entries are sealed by a plugin.</summary>
    public bool IsKept => Trail is { IsKept: true };

    private IAuditTrail? Trail => trail ??= host.GetService<IAuditTrail>();

    /// <summary>Takes a refused request down.</summary>
    public ValueTask DeniedAsync(HttpContext context, string action, string reason, string? rule = null)
    {
        Interlocked.Increment(ref denied);
        var request = GatewayRequest.Of(context);
        var key = LimitTable.Mix(request.RemoteAddress is { } address ? AddressSet.CountingKey(address) : 0, action);
        if (!lines.Take(key, Lines).Allowed)
        {
            Interlocked.Increment(ref leftOut);
            return ValueTask.CompletedTask;
        }
        return RecordAsync(Entry(request, action, AuditResult.Denied, $"{context.Request.Method} {context.Request.Path.Value}", [("reason", reason), ("rule", rule), ("permission", request.Route?.Permission ?? context.GetEndpoint()?.Metadata.GetMetadata<RouteFacts>()?.Permission)]));
    }

    /// <summary>Takes down what an operator or the watch did.</summary>
    public ValueTask DoneAsync(HttpContext context, string action, string? subject, params ReadOnlySpan<(string Name, string? Value)> detail) =>
        RecordAsync(Entry(GatewayRequest.Of(context), action, AuditResult.Success, subject, detail));

    private AuditEntry Entry(GatewayRequest request, string action, AuditResult result, string? subject, ReadOnlySpan<(string Name, string? Value)> detail) => new()
    {
        At = time.GetUtcNow(),
        Tenant = request.Context.Tenant,
        Actor = request.Context.Caller.Id,
        Action = action,
        Subject = subject is { Length: > 512 } ? subject[..512] : subject,
        Result = result,
        Address = request.Address,
        UserAgent = request.Context.UserAgent,
        CorrelationId = request.Id,
        Detail = Json(detail, Interlocked.Exchange(ref leftOut, 0)),
    };

    private async ValueTask RecordAsync(AuditEntry entry)
    {
        if (Trail is null)
        {
            TellEntry(log, entry.Action, entry.Result, entry.Actor, entry.Subject, entry.Address);
            return;
        }
        try
        {
            await Trail.RecordAsync(entry, CancellationToken.None);
        }
        catch (NexusException exception)
        {
            TellFailed(log, entry.Action, entry.Actor, entry.Address, exception.Message);
        }
    }

    private static ReadOnlyMemory<byte> Json(ReadOnlySpan<(string Name, string? Value)> detail, long leftOut)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (name, value) in detail)
            {
                if (value is not null)
                    json.WriteString(name, value);
            }
            if (leftOut > 0)
                json.WriteNumber("leftOutBefore", leftOut);
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    [LoggerMessage(6, LogLevel.Information, "audit {Action} {Result} actor={Actor} subject={Subject} address={Address}")]
    private static partial void TellEntry(ILogger log, string action, AuditResult result, string actor, string? subject, string? address);

    [LoggerMessage(7, LogLevel.Error, "audit {Action} of {Actor} from {Address} could not be kept: {Error}")]
    private static partial void TellFailed(ILogger log, string action, string actor, string? address, string error);
}
