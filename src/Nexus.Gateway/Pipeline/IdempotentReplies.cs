using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Answers a repeated POST to a plugin's own route as the first time.
/// 1. Reserve the key, so that two at once do not both run. 2. Run, holding the answer back. 3. Store status, headers and body.
/// 4. Send. A failure of the server (5xx) gives the key back, because the caller is right to try again.
/// Resources store their keys in the commit of the change itself and do not pass here. What a handler answered is not known to be harmless, so headers and body are encrypted where the host has keys.
/// </summary>
internal sealed class IdempotentReplies(IServiceProvider host, ServerSettings settings, TimeProvider time, ILogger<IdempotentReplies> log)
{
    private const int MaxBody = 1024 * 1024;
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);
    private long sweptAt;

    // Looked up late: storage is opened after the services are built.
    private readonly Lazy<IStorage?> found = new(() => (IStorage?)host.GetService(typeof(IStorage)));

    private readonly Lazy<IFieldProtection?> keys = new(() => (IFieldProtection?)host.GetService(typeof(IFieldProtection)));

    private IStorage? Storage => found.Value;

    /// <summary>The key of a POST, or null; null also on a host without storage.</summary>
    public string? KeyOf(HttpContext context) =>
        HttpMethods.IsPost(context.Request.Method) && Storage is not null ? IdempotencyKeys.Of(context.Request) : null;

    /// <summary>Removes answers that are over, at most once an hour and beside the requests; the next hour goes on where this one stopped.</summary>
    private async Task SweepAsync(string tenant)
    {
        try
        {
            var page = await Storage!.QueryAsync(new RecordQuery { Tenant = tenant, Table = IStorage.Answers, Sort = [new SortKey("updatedAt")], Limit = 1000 }, CancellationToken.None);
            var over = page.Records.Where(r => time.GetUtcNow() - r.UpdatedAt > Lifetime);
            foreach (var record in over)
                await Storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey(tenant, IStorage.Answers, record.Id), ExpectedRevision = record.Revision }] }, CancellationToken.None);
        }
        catch (NexusException exception)
        {
            log.LogWarning("Old idempotency keys were not removed: {Cause}", exception.Message);
        }
    }

    private void SweepHourly(string tenant)
    {
        var now = time.GetUtcNow().UtcTicks;
        var last = Interlocked.Read(ref sweptAt);
        if (now - last > TimeSpan.TicksPerHour && Interlocked.CompareExchange(ref sweptAt, now, last) == last)
            _ = Task.Run(() => SweepAsync(tenant));
    }

    /// <summary>Runs a handler at most once for a key, or sends what it answered.</summary>
    public async Task RunAsync(HttpContext context, GatewayRequest request, string key, Func<HttpContext, GatewayRequest, Task> run)
    {
        var fingerprint = await FingerprintAsync(context, request);
        var place = new RecordKey(request.Context.Tenant, IStorage.Answers, Hash($"route\n{request.Context.Caller.Id}\n{key}"));
        SweepHourly(request.Context.Tenant);
        var stored = await Storage!.FindAsync(place, context.RequestAborted);
        var revision = stored?.Revision ?? 0;
        if (stored is not null && Reply.Read(stored.Json) is { } first && !IsOver(stored, first))
        {
            await ReplayAsync(context, await OpenedAsync(place, first), fingerprint);
            return;
        }
        try
        {
            await StoreAsync(place, new Reply { Fingerprint = fingerprint }, revision);
        }
        catch (StorageConflictException)
        {
            throw InFlight(context);
        }
        await RunReservedAsync(context, request, run, place, revision + 1, fingerprint);
    }

    private async Task RunReservedAsync(HttpContext context, GatewayRequest request, Func<HttpContext, GatewayRequest, Task> run, RecordKey place, long revision, string fingerprint)
    {
        var real = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        await using var held = new HeldBody(real.Stream, MaxBody);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(held, real));
        var done = false;
        try
        {
            await run(context, request);
            await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
            done = !request.Refused && context.Response.StatusCode < 500;
        }
        finally
        {
            context.Features.Set(real);
            if (done)
                await StoreAsync(place, await SealedAsync(place, Reply.Of(context.Response, fingerprint, held.Held)), revision);
            else
                await Storage!.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = place, ExpectedRevision = revision }] }, CancellationToken.None);
        }
        await held.ReleaseAsync();
    }

    private static async Task ReplayAsync(HttpContext context, Reply first, string fingerprint)
    {
        if (first.Fingerprint != fingerprint)
            throw new NexusException(ErrorCodes.IdempotencyConflict, "This Idempotency-Key was used for another request; use a new key for a new request.");
        if (first.Status == 0)
            throw InFlight(context);
        if (first.Body is null)
        {
            if (first.Headers.TryGetValue("Location", out var location))
                context.Response.Headers.Location = location;
            throw new NexusException(ErrorCodes.IdempotencyAnswerNotKept, $"The first request with this key was carried out with status {first.Status}; its answer was not kept, because it was larger than {MaxBody >> 20} MB or could not be encrypted.");
        }

        context.Response.StatusCode = first.Status;
        foreach (var (name, value) in first.Headers)
            context.Response.Headers[name] = value;
        context.Response.Headers["Idempotency-Replayed"] = "true";
        context.Response.ContentLength = first.Status is 204 or 304 ? null : first.Body.Length;
        if (first.Body.Length > 0)
            await context.Response.BodyWriter.WriteAsync(first.Body, context.RequestAborted);
    }

    /// <summary>An answer is kept for a day; a reservation whose request cannot run any more was left by a crash.</summary>
    private bool IsOver(StoredRecord stored, Reply reply)
    {
        var age = time.GetUtcNow() - stored.UpdatedAt;
        return age > Lifetime || reply.Status == 0 && age > TimeSpan.FromSeconds(settings.Current.Limits.RequestSeconds + 60);
    }

    private static NexusException InFlight(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "1";
        return new NexusException(ErrorCodes.IdempotencyInFlight, "The first request with this Idempotency-Key is still running.");
    }

    private async Task<string> FingerprintAsync(HttpContext context, GatewayRequest request)
    {
        if (request.Body is { } body)
            return IdempotencyKeys.Fingerprint(context.Request, body.Span);
        // Not JSON, so still a stream: it is read once for the hash (large ones by way of a temporary file) and rewound.
        context.Request.EnableBuffering(64 * 1024, settings.Current.Limits.BodyBytes);
        var hash = await SHA256.HashDataAsync(context.Request.Body, context.RequestAborted);
        context.Request.Body.Position = 0;
        return IdempotencyKeys.Fingerprint(context.Request, hash);
    }

    private async ValueTask<Reply> SealedAsync(RecordKey place, Reply reply)
    {
        if (keys.Value is not { } protection || reply.Body is null)
            return reply;
        try
        {
            return reply with { Headers = [], Body = null, Sealed = (await protection.ProtectAsync(place.Tenant, reply.Pack(), PlaceOf(place), CancellationToken.None)).ToArray() };
        }
        catch (NexusException e) when (e.Code == ErrorCodes.ProtectionFailed)
        {
            // The request was carried out, and its answer goes out; only a repeat will not see it.
            log.LogWarning("An answer with an idempotency key was not kept: {Cause}", e.Message);
            return reply with { Headers = reply.Headers.Where(h => h.Key == "Location").ToDictionary(), Body = null };
        }
    }

    private async ValueTask<Reply> OpenedAsync(RecordKey place, Reply reply)
    {
        if (reply.Sealed is not { } sealedReply)
            return reply;
        var protection = keys.Value ?? throw new NexusException(ErrorCodes.ProtectionFailed, "The answer to this Idempotency-Key is stored encrypted, and this host has no keys to read it.");
        return reply.Unpack((await protection.UnprotectAsync(place.Tenant, sealedReply, PlaceOf(place), CancellationToken.None)).Span);
    }

    private static byte[] PlaceOf(RecordKey place) => Encoding.UTF8.GetBytes($"{place.Tenant}/{place.Table}/{place.Id}/reply");

    private async Task StoreAsync(RecordKey place, Reply reply, long revision)
    {
        var now = time.GetUtcNow();
        var record = new StoredRecord { Id = place.Id, Revision = revision + 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(reply, JsonAnswer.Options) };
        await Storage!.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = place, Record = record, ExpectedRevision = revision }] }, CancellationToken.None);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>A stored answer; a status of 0 is a reservation.</summary>
    private sealed record Reply
    {
        private static readonly string[] NotKept = ["Content-Length", "Date", "Server", "Transfer-Encoding", "Connection", "X-Request-ID", "X-Process-Time"];

        public required string Fingerprint { get; init; }

        public int Status { get; init; }

        public Dictionary<string, string> Headers { get; init; } = [];

        public byte[]? Body { get; init; }

        /// <summary>Headers and body, encrypted.</summary>
        public byte[]? Sealed { get; init; }

        public static Reply? Read(ReadOnlyMemory<byte> json) => JsonSerializer.Deserialize<Reply>(json.Span, JsonAnswer.Options);

        /// <summary>Headers and body as bytes: the length of the headers (4 bytes, big-endian), the headers as JSON, the body.</summary>
        public byte[] Pack()
        {
            var headers = JsonSerializer.SerializeToUtf8Bytes(Headers, JsonAnswer.Options);
            var length = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, headers.Length);
            return [.. length, .. headers, .. Body ?? []];
        }

        public Reply Unpack(ReadOnlySpan<byte> packed)
        {
            var body = 4 + BinaryPrimitives.ReadInt32BigEndian(packed);
            return this with { Headers = JsonSerializer.Deserialize<Dictionary<string, string>>(packed[4..body], JsonAnswer.Options)!, Body = packed[body..].ToArray() };
        }

        public static Reply Of(HttpResponse response, string fingerprint, byte[]? body) => new()
        {
            Fingerprint = fingerprint,
            Status = response.StatusCode,
            Headers = response.Headers.Where(h => !NotKept.Contains(h.Key, StringComparer.OrdinalIgnoreCase)).ToDictionary(h => h.Key, h => h.Value.ToString()),
            Body = body,
        };
    }
}
