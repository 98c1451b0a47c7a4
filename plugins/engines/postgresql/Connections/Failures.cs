using Npgsql;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>What the server's and the driver's failures mean to an operator.</summary>
internal static class Failures
{
    /// <summary>State of the failure by which the database says that a tenant does not lie in it.</summary>
    public const string TenantAway = "NX001";

    /// <summary>The statement can be run again with a chance.</summary>
    public static bool IsRepeatable(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    public static bool IsMissingTable(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable };

    public static bool IsUniqueViolation(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };

    /// <summary>Whether it is the server's or the driver's.</summary>
    public static bool IsOurs(Exception failure) => failure is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException or IOException;

    /// <summary>The failure in words, with the address and the way out, without secrets.</summary>
    public static NexusException Explain(Exception failure, string address) => failure switch
    {
        NexusException known => known,
        PostgresException { SqlState: TenantAway } told => new TenantAwayException(told.MessageText, failure),
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } => Unavailable($"The PostgreSQL server at {address} refuses the user. Check user and password in database.connectionString or DATABASE_URL, and pg_hba.conf on the server.", failure),
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => Unavailable($"The PostgreSQL server at {address} has no such database. Make it with CREATE DATABASE, or name another in database.connectionString or DATABASE_URL.", failure),
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } => Unavailable($"The PostgreSQL server at {address} has no connection left. Lower database.pool.maxSize of the nodes, or raise max_connections of the server.", failure),
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => Unavailable($"The disk of the PostgreSQL server at {address} is full; nothing of the change was stored. Free space there; the node goes on by itself.", failure),
        PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow } => Unavailable($"The PostgreSQL server at {address} is stopping or starting. The node goes on by itself once it answers.", failure),
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => Unavailable($"The PostgreSQL server at {address} is a standby and takes no writes. Name the primary, or all hosts, in database.connectionString.", failure),
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } known => Unavailable($"The user of database.connectionString may not do what is needed at {address}: {known.MessageText}. Make it owner of the database.", failure),
        PostgresException { SqlState: "54000" } => new NexusException(ErrorCodes.BadRequest, "The value of an indexed field is too long; PostgreSQL holds up to 2,600 bytes in an index.", failure),
        PostgresException known => Unavailable($"The PostgreSQL server at {address} failed: {known.MessageText} (code {known.SqlState}).", failure),
        _ when failure.Message.Contains("pool has been exhausted", StringComparison.Ordinal) => Unavailable($"All connections to the PostgreSQL server at {address} are in use and none became free in time. Raise database.pool.maxSize, or look for long queries with pg_stat_activity.", failure),
        _ => Unavailable($"The PostgreSQL server at {address} does not answer. Check that it runs and can be reached from here, and the address in database.connectionString or DATABASE_URL; the node goes on by itself once it answers.", failure),
    };

    private static NexusException Unavailable(string message, Exception failure) => new(ErrorCodes.StorageUnavailable, message, failure);
}
