using System.Collections.Immutable;
using System.Globalization;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Search;

/// <summary>What is looked for; null takes any.</summary>
internal sealed record EntryFilter
{
    /// <summary>Id of the caller.</summary>
    public string? Actor { get; init; }

    /// <summary>Pattern of the action, with <c>*</c>.</summary>
    public string? Action { get; init; }

    /// <summary>Pattern of the subject, with <c>*</c>.</summary>
    public string? Subject { get; init; }

    /// <summary>Result.</summary>
    public AuditResult? Result { get; init; }

    /// <summary>Address of the caller.</summary>
    public string? Address { get; init; }

    /// <summary>Request id.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>From when, inclusive.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>To when, exclusive.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Text within the detail.</summary>
    public string? Text { get; init; }
}

/// <summary>Finds entries of the tenant of the current call.</summary>
internal sealed class EntrySearch(TrailStore store)
{
    /// <summary>A page, newest first, and the cursor of the next one.</summary>
    public async Task<(ImmutableArray<SealedEntry> Entries, string? Next)> PageAsync(EntryFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var (condition, values) = Condition(filter);
        if (cursor is not null)
        {
            condition += " AND position<@before";
            values["before"] = long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var before) ? before : throw new NexusException(ErrorCodes.CursorInvalid, "The cursor is not one of this list.");
        }

        values["limit"] = limit + 1;
        var found = await store.FindAsync($"WHERE {condition} ORDER BY position DESC LIMIT @limit", values, cancellationToken);
        return found.Length > limit ? (found[..limit], found[limit - 1].Position.ToString(CultureInfo.InvariantCulture)) : (found, null);
    }

    /// <summary>All that fit, oldest first, in pages.</summary>
    public async IAsyncEnumerable<ImmutableArray<SealedEntry>> AllAsync(EntryFilter filter, long through, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const int page = 5000;
        var (condition, values) = Condition(filter);
        values["through"] = through;
        values["limit"] = page;
        for (var after = 0L; ;)
        {
            values["after"] = after;
            var found = await store.FindAsync($"WHERE {condition} AND position>@after AND position<=@through ORDER BY position LIMIT @limit", values, cancellationToken);
            if (!found.IsEmpty)
                yield return found;
            if (found.Length < page)
                yield break;
            after = found[^1].Position;
        }
    }

    private static (string Condition, Dictionary<string, object?> Values) Condition(EntryFilter filter)
    {
        var (parts, values) = (new List<string> { "1=1" }, new Dictionary<string, object?>());
        void Add(string name, string sql, object? value)
        {
            if (value is null)
                return;
            parts.Add(sql);
            values[name] = value;
        }

        Add("actor", "actor=@actor", filter.Actor);
        Add("address", "address=@address", filter.Address);
        Add("correlation", "correlation=@correlation", filter.CorrelationId);
        Add("result", "result=@result", filter.Result is { } result ? (int)result : null);
        Add("from", "at>=@from", filter.From is { } from ? TrailStore.Microseconds(from) : null);
        Add("to", "at<@to", filter.To is { } to ? TrailStore.Microseconds(to) : null);
        Add("text", "instr(CAST(detail AS TEXT),@text)>0", filter.Text);
        Add("action", filter.Action?.Contains('*', StringComparison.Ordinal) == true ? "action GLOB @action" : "action=@action", Glob(filter.Action));
        Add("subject", filter.Subject?.Contains('*', StringComparison.Ordinal) == true ? "subject GLOB @subject" : "subject=@subject", Glob(filter.Subject));
        return (string.Join(" AND ", parts), values);
    }

    // Only the star is a pattern; GLOB's other signs stand for themselves.
    private static string? Glob(string? pattern) => pattern?.Contains('*', StringComparison.Ordinal) == true
        ? pattern.Replace("[", "[[]", StringComparison.Ordinal).Replace("?", "[?]", StringComparison.Ordinal)
        : pattern;
}
