namespace Nexus.Data.Measuring;

/// <summary>A storage that can say how it would answer a query.</summary>
internal interface IQueryPlans
{
    /// <summary>The query as the engine's statement, without values.</summary>
    string Statement(RecordQuery query);

    /// <summary>The plan of a query, which is not run.</summary>
    ValueTask<string> ExplainAsync(RecordQuery query);
}
