using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Core.Identity.Accounts;

/// <summary>The documents of identity in any tenant, whoever calls: <c>core/…</c> for what operators look at, the plugin's own part for the rest. Thread-safe.</summary>
internal sealed class Tree(IDocuments documents)
{
    public async ValueTask<Document?> FindAsync(string tenant, string path, CancellationToken cancellationToken)
    {
        Enter(tenant);
        return await documents.FindAsync(path, cancellationToken);
    }

    public async ValueTask CommitAsync(string tenant, ImmutableArray<DocumentWrite> writes, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        Enter(tenant);
        // What was begun is finished: memory follows the commit, and a caller who hangs up in between must not part the two.
        cancellationToken.ThrowIfCancellationRequested();
        await documents.CommitAsync(writes, events, CancellationToken.None);
    }

    /// <summary>Every document below a prefix that a filter takes, or the first so many of them.</summary>
    public async Task<List<Document>> AllAsync(string tenant, string prefix, CancellationToken cancellationToken, Filter? filter = null, int atMost = int.MaxValue)
    {
        Enter(tenant);
        var found = new List<Document>();
        string? cursor = null;
        do
        {
            var page = await documents.QueryAsync(new DocumentQuery { Prefix = prefix, Filter = filter, Limit = Math.Min(atMost, 1000), Cursor = cursor }, cancellationToken);
            found.AddRange(page.Documents);
            cursor = page.NextCursor;
        }
        while (cursor is not null && found.Count < atMost);
        return found;
    }

    /// <summary>The document below a prefix whose value comes first, or null.</summary>
    public async Task<Document?> FirstAsync(string tenant, string prefix, string field, CancellationToken cancellationToken)
    {
        Enter(tenant);
        return (await documents.QueryAsync(new DocumentQuery { Prefix = prefix, Sort = [new SortKey(field)], Limit = 1 }, cancellationToken)).Documents.FirstOrDefault();
    }

    /// <summary>Documents whose time, in milliseconds of the epoch, is over.</summary>
    public static Filter Over(string field, DateTimeOffset now) => new Filter.Compare(field, FilterOperator.LessOrEqual, JsonSerializer.SerializeToElement(now.ToUnixTimeMilliseconds(), Tokens.TokensJson.Default.Int64));

    // Only within the calling async method: an async local set here is undone when it returns.
    private static void Enter(string tenant) => CallContext.Current = CallContext.System with { Tenant = tenant, CorrelationId = CallContext.Current.CorrelationId };
}
