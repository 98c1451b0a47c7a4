using System.Collections.Concurrent;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>How far the log of the server had come after the last commit of each caller on this node: a standby that has not come so far does not answer that caller.</summary>
internal sealed class CommitPositions
{
    private const int MaxCallers = 10_000;

    private readonly ConcurrentDictionary<(string Tenant, string Caller), NpgsqlLogSequenceNumber> _positions = new();
    private readonly Lock _gate = new();
    private NpgsqlLogSequenceNumber _floor;

    /// <summary>The position that the caller of the current flow must see; zero for none.</summary>
    public NpgsqlLogSequenceNumber Needed => _positions.TryGetValue(Current, out var own) && own > _floor ? own : _floor;

    private static (string, string) Current => (CallContext.Current.Tenant, CallContext.Current.Caller.Id);

    /// <summary>The caller of the current flow has committed.</summary>
    public void Note(NpgsqlLogSequenceNumber position)
    {
        if (_positions.Count >= MaxCallers)
        {
            // Forgetting one would break its promise; from here on all need what anybody wrote until now.
            lock (_gate)
                _floor = position;
            _positions.Clear();
        }

        _positions.AddOrUpdate(Current, position, (_, before) => before > position ? before : position);
    }

    /// <summary>Standbys have come past a position, so the caller needs it no more.</summary>
    public void Passed(NpgsqlLogSequenceNumber position)
    {
        if (_positions.TryGetValue(Current, out var own) && own <= position)
            _positions.TryRemove(KeyValuePair.Create(Current, own));
    }
}
