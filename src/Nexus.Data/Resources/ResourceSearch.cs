using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Audit;
using Nexus.Data.Search;

namespace Nexus.Data.Resources;

/// <summary>Searches resource by resource, each with what the caller may read as a part of the query, and puts the hits in one order.</summary>
internal sealed class ResourceSearch(IServiceProvider host, RecordAccess access, ChangeExecution execution, AccessTrail trail) : ISearch
{
    private const int Breadth = 4;

    public async ValueTask<SearchAnswer> SearchAsync(SearchQuestion question, CallContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        Check(question);
        var index = host.GetRequiredService<StorageOpener>().Set.Search ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "The storage engine has no full-text search.");
        var targets = await TargetsAsync(question, context, cancellationToken).ConfigureAwait(false);
        var pages = new SearchPage[targets.Count];
        await Parallel.ForAsync(0, targets.Count, new ParallelOptions { MaxDegreeOfParallelism = Breadth, CancellationToken = cancellationToken }, async (i, token) =>
        {
            var (call, seen) = targets[i];
            pages[i] = await index.SearchAsync(new() { Tenant = context.Tenant, Table = call.Resource.Table, Text = question.Text, Filter = seen, Limit = question.Offset + question.Limit, Count = true }, token).ConfigureAwait(false);
        }).ConfigureAwait(false);

        // Scores of two tables mean different things, so that each is taken as a part of its table's best.
        var shown = pages.SelectMany((page, i) => page.Hits.Select(h => (Target: i, h.Record, Score: h.Score / page.Hits[0].Score)))
            .OrderByDescending(h => h.Score).ThenBy(h => targets[h.Target].Call.Resource.Table, StringComparer.Ordinal).ThenBy(h => h.Record.Id, StringComparer.Ordinal)
            .Skip(question.Offset).Take(question.Limit).ToList();
        foreach (var table in shown.GroupBy(h => h.Target))
        {
            var call = targets[table.Key].Call;
            await trail.ListedAsync(call, RecordShape.For(call.Resource), new RecordPage([.. table.Select(h => h.Record)], null), cancellationToken).ConfigureAwait(false);
        }

        var found = ImmutableArray.CreateBuilder<FoundRecord>(shown.Count);
        foreach (var (target, record, _) in shown)
        {
            var call = targets[target].Call;
            found.Add(new FoundRecord(call.Resource, await execution.ReturnedAsync(call, record, cancellationToken).ConfigureAwait(false)));
        }

        return new SearchAnswer(found.DrainToImmutable(), pages.Select((page, i) => (targets[i].Call.Resource.Table, page.Total)).Where(c => c.Total > 0).ToImmutableSortedDictionary(c => c.Table, c => c.Total!.Value, StringComparer.Ordinal));
    }

    private static void Check(SearchQuestion question)
    {
        if (question.Text is not { Length: <= SearchRequest.LongestText })
            throw Invalid($"The search has more than {SearchRequest.LongestText} characters.");
        if (SearchText.Words(question.Text).Count > SearchRequest.MostWords)
            throw Invalid($"The search has more than {SearchRequest.MostWords} words.");
        SearchQuery.Demand(question.Text, null);
        if (question.Limit is < 1 or > 100 || question.Offset < 0 || question.Offset + question.Limit > SearchQuestion.Reach)
            throw Invalid($"A page has 1 to 100 records within the first {SearchQuestion.Reach}; narrow the search down.");
    }

    private async Task<List<(ResourceCall Call, Filter? Seen)>> TargetsAsync(SearchQuestion question, CallContext context, CancellationToken cancellationToken)
    {
        var targets = new List<(ResourceCall, Filter?)>();
        var missing = question.In.ToHashSet(StringComparer.Ordinal);
        foreach (var plugin in host.GetRequiredService<IPlugins>().Current.Plugins)
        {
            foreach (var resource in plugin.Resources.Where(r => !Stored(r).IsDefaultOrEmpty && (question.In.IsEmpty || question.In.Contains(r.Table))))
            {
                var allowed = await access.DecideAsync(context, RecordShape.For(resource).ReadPermission, cancellationToken).ConfigureAwait(false);
                if (allowed.Scope == AccessScope.None)
                    continue;
                missing.Remove(resource.Table);
                targets.Add((new ResourceCall(plugin, resource, context), RecordAccess.FilterOf(allowed, context.Caller)));
            }
        }

        return missing.Count == 0 ? targets : throw Invalid($"{string.Join(", ", missing.Order(StringComparer.Ordinal))}: no resource with search fields that you may read.");
    }

    // Of a resource whose search fields are all encrypted there is no index.
    private ImmutableArray<string> Stored(ResourceDescriptor resource) => host.GetService<IFieldProtection>() is null ? resource.Search : Records.ProtectedFields.Stored(resource).Search;

    private static NexusException Invalid(string message) => new(ErrorCodes.FilterInvalid, message);
}
