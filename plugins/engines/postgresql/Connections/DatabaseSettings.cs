using System.Globalization;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>How to reach the server, from the section <c>database</c>.</summary>
/// <param name="Connection">Hosts, database, user, limits.</param>
/// <param name="Schema">Schema of the platform's tables.</param>
internal sealed record DatabaseSettings(NpgsqlConnectionStringBuilder Connection, string Schema)
{
    private const string Example = "such as postgres://nexus:secret@db.example:5432/nexus, or Host=db.example;Database=nexus;Username=nexus;Password=secret";

    /// <summary>Time from which a query is logged with its plan; null for never.</summary>
    public TimeSpan? SlowQuery { get; init; }

    /// <summary>Requests may read from standby hosts.</summary>
    public bool ReadReplicas { get; init; }

    /// <summary>Where the server is, for people: without user or password.</summary>
    public string Address => $"{string.Join(", ", (Connection.Host ?? "").Split(',').Select(h => h.Contains(':', StringComparison.Ordinal) ? h : $"{h}:{Connection.Port}"))}, database {Connection.Database}";

    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>; its text shows nothing of the address, which may hold a password.</exception>
    public static DatabaseSettings Read(StorageOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.ConnectionString))
            throw Wrong($"database.type is postgresql, which needs database.connectionString or the variable DATABASE_URL, {Example}.");
        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = options.ConnectionString.Contains("://", StringComparison.Ordinal) ? FromUrl(options.ConnectionString) : new NpgsqlConnectionStringBuilder(options.ConnectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException)
        {
            throw Wrong($"database.connectionString is not an address of a PostgreSQL server {Example}.");
        }

        if (string.IsNullOrEmpty(builder.Host))
            throw Wrong($"database.connectionString names no host; it must be {Example}.");
        var settings = options.Settings;
        var schema = settings["schema"] ?? "nexus";
        builder.Database ??= builder.Username;
        builder.ApplicationName ??= "nexus";
        builder.SearchPath = $"\"{schema}\"";
        builder.MaxPoolSize = settings.GetValue("pool:maxSize", 40);
        builder.MinPoolSize = Math.Min(settings.GetValue("pool:minSize", 1), builder.MaxPoolSize);
        builder.Timeout = settings.GetValue("pool:timeoutSeconds", 5);
        builder.ConnectionLifetime = settings.GetValue("pool:lifetimeSeconds", 3600);
        builder.MaxAutoPrepare = 250;
        builder.AutoPrepareMinUsages = 2;
        builder.IncludeErrorDetail = false;
        builder.TcpKeepAlive = true;
        builder.TcpKeepAliveTime = 5;
        builder.TcpKeepAliveInterval = 2;
        var slow = settings.GetValue("slowQuery", 0);
        return new DatabaseSettings(builder, schema) { SlowQuery = slow > 0 ? TimeSpan.FromMilliseconds(slow) : null, ReadReplicas = settings.GetValue("readReplicas", false) };
    }

    /// <summary>The form of libpq: <c>postgres://user:password@host:port,host2/database?sslmode=require</c>.</summary>
    private static NpgsqlConnectionStringBuilder FromUrl(string url)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (url[..scheme] is not ("postgres" or "postgresql"))
            throw new FormatException();
        var rest = url[(scheme + 3)..];
        var query = rest.IndexOf('?', StringComparison.Ordinal);
        var parameters = query < 0 ? "" : rest[(query + 1)..];
        rest = query < 0 ? rest : rest[..query];
        var builder = new NpgsqlConnectionStringBuilder();
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0 && rest.Length > slash + 1)
            builder.Database = Uri.UnescapeDataString(rest[(slash + 1)..]);
        rest = slash < 0 ? rest : rest[..slash];
        var at = rest.LastIndexOf('@');
        if (at >= 0)
        {
            var colon = rest.IndexOf(':', StringComparison.Ordinal);
            builder.Username = Uri.UnescapeDataString(rest[..(colon >= 0 && colon < at ? colon : at)]);
            if (colon >= 0 && colon < at)
                builder.Password = Uri.UnescapeDataString(rest[(colon + 1)..at]);
        }

        builder.Host = rest[(at + 1)..];
        if (builder.Host.LastIndexOf(':') is var port and > 0 && !builder.Host.Contains(',', StringComparison.Ordinal))
        {
            builder.Port = int.Parse(builder.Host[(port + 1)..], CultureInfo.InvariantCulture);
            builder.Host = builder.Host[..port];
        }

        foreach (var pair in parameters.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = equals < 0 ? (pair, "") : (pair[..equals], Uri.UnescapeDataString(pair[(equals + 1)..]));
            builder[name switch { "sslmode" => "SSL Mode", "sslrootcert" => "Root Certificate", "sslcert" => "SSL Certificate", "sslkey" => "SSL Key", "application_name" => "Application Name", "connect_timeout" => "Timeout", "target_session_attrs" => "Target Session Attributes", _ => name }] =
                name == "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return builder;
    }

    private static NexusException Wrong(string message) => new(ErrorCodes.ConfigurationError, message) { Errors = [new FieldError("database.connectionString", "format", message)] };
}
