using System.Collections.Immutable;

namespace Nexus;

/// <summary>The records of one resource as their plugin sees them, through the same pipeline as every surface: the current caller's permissions, validation, rules and events apply. Thread-safe.</summary>
/// <typeparam name="T">A record type declared with <c>AddResource</c>.</typeparam>
public interface IRepository<T>
    where T : Resource
{
    /// <summary>The record, or null when there is none that the caller may see.</summary>
    ValueTask<T?> FindAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>A page of records.</summary>
    ValueTask<ResourcePage<T>> ListAsync(ResourceQuery query, CancellationToken cancellationToken = default);

    /// <summary>Stores a new record durably; a non-empty <see cref="Resource.Id"/> is kept. Returns it as stored.</summary>
    ValueTask<T> CreateAsync(T record, CancellationToken cancellationToken = default);

    /// <summary>Replaces a record durably. Its <see cref="Resource.Revision"/>, when not 0, must be the stored one. Secret fields that are null keep their stored value. Returns it as stored.</summary>
    /// <exception cref="NexusException"><c>PRECONDITION_FAILED</c>: it was changed meanwhile; <c>RESOURCE_NOT_FOUND</c>.</exception>
    ValueTask<T> UpdateAsync(T record, CancellationToken cancellationToken = default);

    /// <summary>Removes a record durably; false when there was none that the caller may see.</summary>
    ValueTask<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default);
}

/// <summary>A page of typed records.</summary>
/// <param name="Records">The records, in order.</param>
/// <param name="NextCursor">Cursor of the next page; null at the end.</param>
/// <param name="Total">Number of all matches, when asked for.</param>
public sealed record ResourcePage<T>(ImmutableArray<T> Records, string? NextCursor, long? Total = null);

/// <summary>What repositories offer beyond their five members.</summary>
public static class RepositoryExtensions
{
    /// <summary>The record.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public static async ValueTask<T> GetAsync<T>(this IRepository<T> repository, Guid id, CancellationToken cancellationToken = default)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(repository);
        return await repository.FindAsync(id, cancellationToken).ConfigureAwait(false)
            ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"No {typeof(T).Name} has the id {id}.");
    }

    /// <summary>The first page of the records that a specification describes.</summary>
    public static ValueTask<ResourcePage<T>> ListAsync<T>(this IRepository<T> repository, Specification<T> specification, int limit = 1000, CancellationToken cancellationToken = default)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(specification);
        return repository.ListAsync(new ResourceQuery { Filter = specification.Filter, Limit = limit }, cancellationToken);
    }
}
