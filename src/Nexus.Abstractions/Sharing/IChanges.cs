namespace Nexus;

/// <summary>Tells what other nodes on the same storage changed of the platform's own documents: those under <c>core/</c> and those of core plugins. What is held in memory follows it. A change is told within a second of its commit, and never lost: who could not look for too long is told that anything may have changed. Core plugins get it. Thread-safe.</summary>
public interface IChanges
{
    /// <summary>Follows the documents whose whole path begins with a prefix, until the answer is disposed. Own changes are not told. One call at a time; what it throws is logged, and the next change is told all the same.</summary>
    IDisposable Follow(string prefix, Func<DocumentChange, CancellationToken, Task> changed);
}

/// <summary>A document was written or removed by another node.</summary>
/// <param name="Tenant">Its tenant; empty when <paramref name="Path"/> is null.</param>
/// <param name="Path">Its whole path, such as <c>core/roles/clerk</c>; null when anything below the prefix may have changed.</param>
public sealed record DocumentChange(string Tenant, string? Path);
