namespace Nexus.Core.Identity.Policy;

/// <summary>What shares one record: <c>{resource}/{id}</c>, such as <c>finance.ledger.books/0198c0de-…</c>.</summary>
/// <param name="Resource">Pattern of the resource, as in a <see cref="Grant"/>.</param>
/// <param name="Id">Id of the record.</param>
internal readonly record struct RecordRule(string Resource, string Id)
{
    /// <summary>The rule that a text states; null when it is none.</summary>
    public static RecordRule? Parse(string? text)
    {
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        // Records have UUIDs, in the one spelling in which they are stored.
        return slash > 0 && Guid.TryParseExact(text.AsSpan(slash + 1), "D", out var id) ? new RecordRule(text![..slash], id.ToString("D")) : null;
    }

    /// <summary>The part of a text that names the resource.</summary>
    public static string ResourceOf(string text) => Parse(text)?.Resource ?? text;
}
