using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharing;

/// <summary>Reads the marks of other nodes and tells those who follow. It looks five times a second and needs no message between nodes: a look is one small query, as marks stay for seconds only.</summary>
internal sealed partial class ChangeFeed(StorageOpener opener, ChangeMarks marks, TimeProvider time, ILogger<ChangeFeed> log) : BackgroundService, IChanges
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a mark stays, by the clock of whoever saw it: the clocks of nodes need not agree.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(20);

    /// <summary>Whoever did not look for so long may have missed marks.</summary>
    private static readonly TimeSpan TooLong = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
    private ImmutableArray<Follower> _followers = [];
    private readonly ILogger _log = log;
    private long _lookedAt;

    public IDisposable Follow(string prefix, Func<DocumentChange, CancellationToken, Task> changed)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(changed);
        var follower = new Follower(prefix, changed, this);
        lock (_gate)
            _followers = _followers.Add(follower);
        return follower;
    }

    /// <summary>What was marked before the start is in what everybody reads at the start.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!opener.Set.IsShared)
            return;
        _lookedAt = time.GetTimestamp();
        foreach (var mark in await MarksAsync(cancellationToken))
            _seen[mark.Id] = _lookedAt;
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Unread(_log, e.Message);
            }

            await Task.Delay(Turn, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var found = await MarksAsync(cancellationToken);
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_lookedAt, now) > TooLong)
        {
            foreach (var follower in _followers)
                follower.Tell(new DocumentChange("", null));
        }

        _lookedAt = now;
        var changes = new HashSet<ChangedPlace>();
        foreach (var record in found)
        {
            if (_seen.TryAdd(record.Id, now) && ChangeMarks.Read(record) is var mark && mark.Process != marks.Process)
                changes.UnionWith(mark.Places);
        }

        foreach (var place in changes)
        {
            foreach (var follower in _followers)
                follower.Tell(new DocumentChange(place.Tenant, place.Path));
        }

        await ForgetAsync(found, now, cancellationToken);
    }

    private async Task ForgetAsync(List<StoredRecord> found, long now, CancellationToken cancellationToken)
    {
        ImmutableArray<RecordWrite> old = [.. found.Where(r => time.GetElapsedTime(_seen[r.Id], now) > Kept).Select(r => new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, ChangeMarks.Table, r.Id) })];
        if (old.Length > 0)
            await opener.Set.Records.CommitAsync(new WriteBatch { Writes = old }, cancellationToken);
        var there = found.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _seen.Keys.Where(id => !there.Contains(id)).ToList())
            _seen.Remove(gone);
    }

    private async Task<List<StoredRecord>> MarksAsync(CancellationToken cancellationToken)
    {
        var found = new List<StoredRecord>();
        string? cursor = null;
        do
        {
            var page = await opener.Set.Records.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = ChangeMarks.Table, Limit = 1000, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return found;
    }

    private void Remove(Follower follower)
    {
        lock (_gate)
            _followers = _followers.Remove(follower);
    }

    [LoggerMessage(1, LogLevel.Warning, "What other nodes changed cannot be read; it is tried again: {Reason}")]
    private static partial void Unread(ILogger log, string reason);

    [LoggerMessage(2, LogLevel.Error, "A change of {Path} by another node was not taken over")]
    private static partial void NotTaken(ILogger log, Exception error, string path);

    /// <summary>One who follows, with a queue of its own: a slow one holds up no other.</summary>
    private sealed class Follower : IDisposable
    {
        private readonly string _prefix;
        private readonly ChangeFeed _feed;
        private readonly Func<DocumentChange, CancellationToken, Task> _changed;
        private readonly CancellationTokenSource _ending = new();
        private readonly Channel<DocumentChange> _waiting = Channel.CreateUnbounded<DocumentChange>(new UnboundedChannelOptions { SingleReader = true });

        public Follower(string prefix, Func<DocumentChange, CancellationToken, Task> changed, ChangeFeed feed)
        {
            (_prefix, _changed, _feed) = (prefix, changed, feed);
            using (ExecutionContext.SuppressFlow())
                _ = Task.Run(() => RunAsync(_ending.Token));
        }

        public void Tell(DocumentChange change)
        {
            if (change.Path?.StartsWith(_prefix, StringComparison.Ordinal) != false)
                _waiting.Writer.TryWrite(change);
        }

        public void Dispose()
        {
            _feed.Remove(this);
            _waiting.Writer.TryComplete();
            _ending.Cancel();
        }

        private async Task RunAsync(CancellationToken cancellationToken)
        {
            while (await _waiting.Reader.WaitToReadAsync(CancellationToken.None) && !cancellationToken.IsCancellationRequested)
            {
                while (_waiting.Reader.TryRead(out var change))
                    await TellAsync(change, cancellationToken);
            }
        }

        private async Task TellAsync(DocumentChange change, CancellationToken cancellationToken)
        {
            try
            {
                await _changed(change, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // It does not follow any more.
            }
            catch (Exception e)
            {
                NotTaken(_feed._log, e, change.Path ?? _prefix);
            }
        }
    }
}
