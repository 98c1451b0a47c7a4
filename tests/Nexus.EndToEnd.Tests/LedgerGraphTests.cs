namespace Nexus.EndToEnd.Tests;

/// <summary>GraphQL over the ledger's own tables, on SQLite.</summary>
public sealed class LedgerGraphTests
{
    [Fact]
    public async Task One_question_goes_from_the_user_to_books_accounts_postings_and_totals_in_five_statements_however_many_accounts()
    {
        await using var host = await StartAsync();
        await LedgerGraph.HoldsAsync(host);
    }

    [Fact]
    public async Task Mutations_post_and_reverse_journals_and_answer_what_they_changed()
    {
        await using var host = await StartAsync();
        await LedgerGraph.ChangesAsync(host);
    }

    private static Task<RunningHost> StartAsync() =>
        RunningHost.StartAsync([Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Plugins, "finance.ledger")], LedgerGraph.Settings);
}
