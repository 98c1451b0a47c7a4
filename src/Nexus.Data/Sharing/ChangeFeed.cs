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
    private ImmutableArray<Follower> _followers = [];
    private readonly ILogger _log = log;
    private ImmutableArray<Marks> _databases = [];

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
        _databases = [.. opener.Databases.Select(d => new Marks(d, time))];
        foreach (var database in _databases)
            await database.BeginAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_databases.Select(d => FollowAsync(d, stoppingToken)));

    private async Task FollowAsync(Marks database, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(database, stoppingToken);
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

    private async Task LookAsync(Marks database, CancellationToken cancellationToken)
    {
        var (places, mayHaveMissed) = await database.LookAsync(marks.Process, cancellationToken);
        if (mayHaveMissed)
        {
            foreach (var follower in _followers)
                follower.Tell(new DocumentChange("", null));
        }

        foreach (var place in places)
        {
            foreach (var follower in _followers)
                follower.Tell(new DocumentChange(place.Tenant, place.Path));
        }

        await database.ForgetAsync(cancellationToken);
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

    /// <summary>The marks of one database as this node saw them.</summary>
    private sealed class Marks(IStorage records, TimeProvider time)
    {
        private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
        private List<StoredRecord> _found = [];
        private long _lookedAt;
        private bool _wasAway;

        public async Task BeginAsync(CancellationToken cancellationToken)
        {
            _lookedAt = time.GetTimestamp();
            try
            {
                foreach (var mark in await ReadAsync(cancellationToken))
                    _seen[mark.Id] = _lookedAt;
            }
            catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
            {
                // One of several databases. Nobody has read anything of it at the start.
                _wasAway = true;
            }
        }

        /// <summary>What others changed since the last look, and whether that was so long ago that marks may have come and gone.</summary>
        public async Task<(HashSet<ChangedPlace> Places, bool MayHaveMissed)> LookAsync(string self, CancellationToken cancellationToken)
        {
            _found = await ReadAsync(cancellationToken);
            var now = time.GetTimestamp();
            var mayHaveMissed = _wasAway || time.GetElapsedTime(_lookedAt, now) > TooLong;
            _wasAway = false;
            _lookedAt = now;
            var places = new HashSet<ChangedPlace>();
            foreach (var record in _found)
            {
                if (_seen.TryAdd(record.Id, now) && ChangeMarks.Read(record) is var mark && mark.Process != self)
                    places.UnionWith(mark.Places);
            }

            return (places, mayHaveMissed);
        }

        public async Task ForgetAsync(CancellationToken cancellationToken)
        {
            ImmutableArray<RecordWrite> old = [.. _found.Where(r => time.GetElapsedTime(_seen[r.Id], _lookedAt) > Kept).Select(r => new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, ChangeMarks.Table, r.Id) })];
            if (old.Length > 0)
                await records.CommitAsync(new WriteBatch { Writes = old }, cancellationToken);
            var there = _found.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
            foreach (var gone in _seen.Keys.Where(id => !there.Contains(id)).ToList())
                _seen.Remove(gone);
        }

        private async Task<List<StoredRecord>> ReadAsync(CancellationToken cancellationToken)
        {
            var found = new List<StoredRecord>();
            string? cursor = null;
            do
            {
                var page = await records.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = ChangeMarks.Table, Limit = 1000, Cursor = cursor }, cancellationToken);
                found.AddRange(page.Records);
                cursor = page.NextCursor;
            }
            while (cursor is not null);
            return found;
        }
    }

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
