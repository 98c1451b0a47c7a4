using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Data.Resources;

namespace Nexus.Data.Audit;

/// <summary>Which resources have their reads audited: <c>audit.reads.default</c> is <c>protected</c> (those with secret or personal fields), <c>all</c> or <c>none</c>; <c>audit.reads.on</c> and <c>audit.reads.off</c> name tables such as <c>crm.people</c> or <c>crm.*</c> besides.</summary>
internal sealed class AccessRules
{
    private readonly IConfiguration? _configuration;
    private volatile object _settings = new();

    public AccessRules(IConfiguration? configuration)
    {
        _configuration = configuration?.GetSection("audit:reads");
        if (_configuration is { } watched)
            ChangeToken.OnChange(watched.GetReloadToken, () => _settings = new object());
    }

    /// <summary>Decided once for a table and a state of the settings: every read asks.</summary>
    public bool Covers(RecordShape shape)
    {
        var settings = _settings;
        if (shape.Reads is { } known && ReferenceEquals(known.Settings, settings))
            return known.AreAudited;
        var audited = Decide(shape);
        shape.Reads = new ReadMark(settings, audited);
        return audited;
    }

    private bool Decide(RecordShape shape)
    {
        bool Named(string list) => _configuration?.GetSection(list).GetChildren().Any(c => c.Value is { } pattern && System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, shape.Table, ignoreCase: false)) == true;
        return !Named("off") && (Named("on") || _configuration?["default"]?.ToLowerInvariant() switch { "all" => true, "none" => false, _ => shape.HasProtected });
    }
}

/// <summary>Whether reads of a table are audited under one state of the settings.</summary>
internal sealed record ReadMark(object Settings, bool AreAudited);

/// <summary>
/// Takes down who read which records, and whom the scope of a record kept out. Entries are gathered and committed together, so that a read costs no commit of its own:
/// what was read in the last quarter of a second before the process is killed may be missing. A full queue makes readers wait; nothing is left out.
/// </summary>
internal sealed partial class AccessTrail(Func<IStorage> storage, IAuditTrail trail, AccessRules rules, TimeProvider time, ILogger<AccessTrail> log) : IAsyncDisposable, IDisposable
{
    private const int Most = 4096;
    private const int Together = 1024;

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastTry = TimeSpan.FromSeconds(5);

    private readonly Channel<AuditEntry> _waiting = Channel.CreateBounded<AuditEntry>(new BoundedChannelOptions(Most) { SingleReader = true });
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private Task? _loop;

    /// <summary>One record was given out.</summary>
    public ValueTask ReadAsync(ResourceCall call, RecordShape shape, string id, CancellationToken cancellationToken) =>
        IsWanted(call, shape) ? AddAsync(AuditEntry.For(call.Context, time.GetUtcNow(), $"{shape.Table}.read", $"{call.Resource.Name}/{id}"), cancellationToken) : ValueTask.CompletedTask;

    /// <summary>A page of records was given out.</summary>
    public ValueTask ListedAsync(ResourceCall call, RecordShape shape, RecordPage page, CancellationToken cancellationToken)
    {
        if (page.Records.IsEmpty || !IsWanted(call, shape))
            return ValueTask.CompletedTask;
        var detail = JsonSerializer.SerializeToUtf8Bytes(new { count = page.Records.Length, ids = page.Records.Select(r => r.Id) });
        return AddAsync(AuditEntry.For(call.Context, time.GetUtcNow(), $"{shape.Table}.listed", call.Resource.Name, AuditResult.Success, detail), cancellationToken);
    }

    /// <summary>A caller was refused, or was not told that there is such a record.</summary>
    public ValueTask DeniedAsync(CallContext context, string subject, string permission, CancellationToken cancellationToken) =>
        trail.IsKept ? AddAsync(AuditEntry.For(context, time.GetUtcNow(), "auth.access.denied", subject, AuditResult.Denied, JsonSerializer.SerializeToUtf8Bytes(new { permission })), cancellationToken) : ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        if (Interlocked.Exchange(ref _loop, null) is { } loop)
        {
            _closing.CancelAfter(LastTry);
            await loop.ConfigureAwait(false);
        }

        _closing.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>What the platform reads for itself is nobody's access.</summary>
    private bool IsWanted(ResourceCall call, RecordShape shape) => rules.Covers(shape) && trail.IsKept && call.Context.Caller.Id != Caller.System.Id;

    private ValueTask AddAsync(AuditEntry entry, CancellationToken cancellationToken)
    {
        if (_loop is null)
        {
            lock (_gate)
                _loop ??= Task.Run(RunAsync, CancellationToken.None);
        }

        return _waiting.Writer.WriteAsync(entry, cancellationToken);
    }

    private async Task RunAsync()
    {
        CallContext.Current = CallContext.System;
        var batch = new List<AuditEntry>();
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            if (_waiting.Reader.Count < Together && !_waiting.Reader.Completion.IsCompleted)
                await Task.WhenAny(Task.Delay(Gather, time), _waiting.Reader.Completion).ConfigureAwait(false);
            while (batch.Count < Together && _waiting.Reader.TryRead(out var entry))
                batch.Add(entry);
            if (!await CommitAsync(batch).ConfigureAwait(false))
                return;
            batch.Clear();
        }
    }

    /// <summary>Tries until it is written; false when the node closes and it cannot be.</summary>
    private async Task<bool> CommitAsync(List<AuditEntry> batch)
    {
        while (true)
        {
            try
            {
                await storage().CommitAsync(new WriteBatch { Audit = [.. batch] }, CancellationToken.None).ConfigureAwait(false);
                return true;
            }
            catch (Exception e)
            {
                LogFailed(log, batch.Count, e.Message);
                if (_waiting.Reader.Completion.IsCompleted || _closing.IsCancellationRequested)
                    return false;
                await Task.Delay(Pause, time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "audit.accesses.waiting {Count} entries about reads and refusals cannot be kept: {Cause}")]
    private static partial void LogFailed(ILogger log, int count, string cause);
}
