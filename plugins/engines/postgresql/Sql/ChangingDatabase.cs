using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>The database of the tenant of the current call, as a new generation sees it: within its schema change until that ends, and then as all.</summary>
internal sealed class ChangingDatabase(OwnDatabases databases, string plugin, Func<(SchemaChange.State State, NpgsqlConnection? Connection)> change) : IJointDatabase
{
    private OwnUnit? _unit;

    /// <summary>Events published within the change.</summary>
    public IReadOnlyList<EventMessage> Published => _unit?.Events ?? [];

    public string Dialect => "postgresql";

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
        Within() is { } unit ? unit.QueryAsync(sql, parameters, cancellationToken) : Served().QueryAsync(sql, parameters, cancellationToken);

    public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default) =>
        Within() is { } unit ? unit.WriteAsync(work, cancellationToken) : Served().WriteAsync(work, cancellationToken);

    public ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken) => Served().BeginAsync(cancellationToken);

    private OwnUnit? Within()
    {
        var (state, connection) = change();
        if (state == SchemaChange.State.Undone)
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"The change of the database of {plugin} was undone; this generation was never published.");
        if (state == SchemaChange.State.Committed || connection is null)
            return null;
        return _unit ??= OwnUnit.On(databases.Open(plugin, CallContext.DefaultTenant), connection);
    }

    private OwnDatabase Served() => databases.Open(plugin, CallContext.Current.Tenant);
}
