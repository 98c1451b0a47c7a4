using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Where a record lies: tenant and id.</summary>
internal readonly record struct Place(string Tenant, string Id);

/// <summary>
/// A folder of the tree held in memory: reads cost a look into a dictionary, writes are durable before they are seen. Changes of one
/// record are done one after the other; a record that another node changed meanwhile is read again and the change repeated on it.
/// </summary>
internal sealed class Mirror<T>(Tree tree, string folder, JsonTypeInfo<T> json) : IDisposable
    where T : class
{
    private readonly ConcurrentDictionary<Place, Row> rows = new();
    private readonly SemaphoreSlim[] gates = [.. Enumerable.Range(0, 128).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Called after each change, while no other change of that record runs: what was (null when it is new) and what is (null when it is gone).</summary>
    public Action<Place, T?, T?>? Changed { get; init; }

    /// <summary>Gives a record that was read what is not stored in it: where it lies.</summary>
    public Func<T, Place, T>? Placed { get; init; }

    public int Count => rows.Count;

    public T? Find(Place place) => rows.TryGetValue(place, out var row) ? row.Value : null;

    public IEnumerable<(Place Place, T Value)> All() => rows.Select(r => (r.Key, r.Value.Value));

    public IEnumerable<T> All(string tenant) => rows.Where(r => r.Key.Tenant == tenant).Select(r => r.Value.Value);

    public string PathOf(string id) => $"{folder}/{id}";

    public async Task LoadAsync(string tenant, CancellationToken cancellationToken)
    {
        foreach (var document in await tree.AllAsync(tenant, folder, cancellationToken))
        {
            var id = document.Path[(folder.Length + 1)..];
            if (!id.Contains('/', StringComparison.Ordinal)) Show(new Place(tenant, id), Read(document, new Place(tenant, id)), document.Revision);
        }
    }

    /// <summary>Stores a new record, and what else belongs to it, in one commit.</summary>
    /// <exception cref="StorageConflictException">There is one already.</exception>
    public async ValueTask AddAsync(Place place, T value, ImmutableArray<DocumentWrite> also = default, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        using var _ = await EnterAsync(place, cancellationToken);
        await tree.CommitAsync(place.Tenant, [new DocumentWrite(PathOf(place.Id), JsonSerializer.SerializeToNode(value, json), 0), .. also.IsDefault ? [] : also], events, cancellationToken);
        Show(place, value, 1);
    }

    /// <summary>Changes a record durably; null when there is none. A change that returns the same object writes nothing.</summary>
    public async ValueTask<T?> ChangeAsync(Place place, Func<T, T> change, Func<T, T, ImmutableArray<DocumentWrite>>? also = null, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        using var _ = await EnterAsync(place, cancellationToken);
        while (rows.TryGetValue(place, out var row))
        {
            var changed = change(row.Value);
            if (ReferenceEquals(changed, row.Value)) return changed;
            try
            {
                await tree.CommitAsync(place.Tenant, [new DocumentWrite(PathOf(place.Id), JsonSerializer.SerializeToNode(changed, json), row.Revision), .. also?.Invoke(row.Value, changed) ?? []], events, cancellationToken);
                Show(place, changed, row.Revision + 1);
                return changed;
            }
            catch (StorageConflictException conflict) when (conflict.Key.Id.EndsWith(PathOf(place.Id), StringComparison.Ordinal))
            {
                await ReadAgainAsync(place, cancellationToken);
            }
        }

        return null;
    }

    /// <summary>Removes a record durably, with what else goes with it; null when there was none.</summary>
    public async ValueTask<T?> RemoveAsync(Place place, Func<T, ImmutableArray<DocumentWrite>>? also = null, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        using var _ = await EnterAsync(place, cancellationToken);
        if (!rows.TryGetValue(place, out var row)) return null;
        await tree.CommitAsync(place.Tenant, [Removal(place.Id), .. also?.Invoke(row.Value) ?? []], events, cancellationToken);
        Forget(place);
        return row.Value;
    }

    /// <summary>The write that removes a record, for the commit of another one; <see cref="Forget"/> follows it.</summary>
    public DocumentWrite Removal(string id) => new(PathOf(id), null, Delete: true);

    /// <summary>Lets go of a record whose removal was committed elsewhere.</summary>
    public void Forget(Place place)
    {
        if (rows.TryRemove(place, out var row)) Changed?.Invoke(place, row.Value, null);
    }

    /// <summary>Takes over what another node did to a record; false when the path, as a whole, names none of this folder.</summary>
    public async ValueTask<bool> FollowAsync(string tenant, string path, CancellationToken cancellationToken)
    {
        var before = folder.StartsWith("core/", StringComparison.Ordinal) ? $"{folder}/" : $"{Following.Own}data/{folder}/";
        if (!path.StartsWith(before, StringComparison.Ordinal) || path.IndexOf('/', before.Length) >= 0) return false;
        await FollowAsync(new Place(tenant, path[before.Length..]), cancellationToken);
        return true;
    }

    /// <summary>Takes over whatever other nodes did to the records of a tenant.</summary>
    public async Task FollowAllAsync(string tenant, CancellationToken cancellationToken)
    {
        var stored = (await tree.AllAsync(tenant, folder, cancellationToken)).ToDictionary(d => d.Path[(folder.Length + 1)..], d => d.Revision, StringComparer.Ordinal);
        foreach (var id in rows.Keys.Where(p => p.Tenant == tenant).Select(p => p.Id).Union(stored.Keys).Where(id => !id.Contains('/', StringComparison.Ordinal)).ToList())
            if (!rows.TryGetValue(new Place(tenant, id), out var row) || row.Revision != stored.GetValueOrDefault(id)) await FollowAsync(new Place(tenant, id), cancellationToken);
    }

    /// <summary>Reads one record again.</summary>
    public async ValueTask FollowAsync(Place place, CancellationToken cancellationToken)
    {
        using var _ = await EnterAsync(place, cancellationToken);
        await ReadAgainAsync(place, cancellationToken);
    }

    public void Dispose()
    {
        foreach (var gate in gates) gate.Dispose();
    }

    private async Task ReadAgainAsync(Place place, CancellationToken cancellationToken)
    {
        if (await tree.FindAsync(place.Tenant, PathOf(place.Id), cancellationToken) is { } document) Show(place, Read(document, place), document.Revision);
        else Forget(place);
    }

    private T Read(Document document, Place place)
    {
        var value = document.Value.Deserialize(json) ?? throw new NexusException(ErrorCodes.StorageCorrupt, $"The document {document.Path} is null.");
        return Placed?.Invoke(value, place) ?? value;
    }

    private void Show(Place place, T value, long revision)
    {
        rows.TryGetValue(place, out var old);
        rows[place] = new Row(value, revision);
        Changed?.Invoke(place, old?.Value, value);
    }

    private async ValueTask<Held> EnterAsync(Place place, CancellationToken cancellationToken)
    {
        var gate = gates[(uint)place.GetHashCode() % gates.Length];
        await gate.WaitAsync(cancellationToken);
        return new Held(gate);
    }

    private sealed record Row(T Value, long Revision);

    private readonly struct Held(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
