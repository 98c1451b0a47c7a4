using System.Collections.Immutable;
using System.Globalization;

namespace Nexus.Engines.Redis.Connections;

/// <summary>Address of a server.</summary>
internal readonly record struct RedisAddress(string Host, int Port)
{
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port.ToString(CultureInfo.InvariantCulture)}" : $"{Host}:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Reads <c>host:port</c>, <c>[::1]:port</c> or <c>host</c>.</summary>
    public static RedisAddress Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        if (colon > bracket && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536)
            return new RedisAddress(text[..colon].Trim('[', ']'), port);
        if (colon > bracket)
            throw new FormatException($"'{text}' has no port after its colon.");
        return new RedisAddress(text.Trim('[', ']'), 6379);
    }
}

/// <summary>How to reach Redis: <c>host:port,host:port,password=…,user=…,ssl=true,database=0</c>, or <c>redis[s]://user:password@host:port/database</c>.</summary>
internal sealed record RedisSettings
{
    public required ImmutableArray<RedisAddress> Addresses { get; init; }

    public string? User { get; init; }

    public string? Password { get; init; }

    public int Database { get; init; }

    public bool Tls { get; init; }

    /// <summary>Name that the server's certificate must have; the host's when null.</summary>
    public string? TlsHost { get; init; }

    /// <summary>File of certificates (PEM) that alone vouch for the server; those of the machine when null.</summary>
    public string? TlsRoot { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection that leaves a command unanswered for so long is given up.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Commands that may wait for answers on one connection.</summary>
    public int MaxPending { get; init; } = 50_000;

    /// <summary>Bytes that may wait to be sent on one connection.</summary>
    public long MaxUnsentBytes { get; init; } = 64L << 20;

    /// <exception cref="FormatException">It has not the form; the text says where, without the password.</exception>
    public static RedisSettings Parse(string text)
    {
        if (text.StartsWith("redis://", StringComparison.Ordinal) || text.StartsWith("rediss://", StringComparison.Ordinal))
            return ParseAddress(text);
        var settings = new RedisSettings { Addresses = [] };
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            settings = equals < 0 ? settings with { Addresses = settings.Addresses.Add(RedisAddress.Parse(part)) } : With(settings, part[..equals].Trim().ToLowerInvariant(), part[(equals + 1)..].Trim());
        }
        return settings.Addresses.IsEmpty ? throw new FormatException("no server is named; begin with host:port.") : settings;
    }

    private static RedisSettings With(RedisSettings settings, string key, string value) => key switch
    {
        "password" => settings with { Password = value },
        "user" => settings with { User = value },
        "ssl" or "tls" => settings with { Tls = bool.TryParse(value, out var on) ? on : throw new FormatException($"{key} is true or false.") },
        "sslhost" => settings with { TlsHost = value },
        "sslroot" => settings with { TlsRoot = value },
        "database" or "defaultdatabase" => settings with { Database = Number(key, value) },
        "connecttimeout" => settings with { ConnectTimeout = TimeSpan.FromMilliseconds(Number(key, value)) },
        "answertimeout" => settings with { AnswerTimeout = TimeSpan.FromMilliseconds(Number(key, value)) },
        _ => throw new FormatException($"'{key}' is unknown; known are password, user, ssl, sslHost, sslRoot, database, connectTimeout and answerTimeout."),
    };

    private static int Number(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"{key} is a whole number.");

    private static RedisSettings ParseAddress(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address))
            throw new FormatException("it is no address of the form redis://user:password@host:port/database.");
        var user = address.UserInfo.Split(':', 2);
        return new RedisSettings
        {
            Addresses = [new RedisAddress(address.Host.Trim('[', ']'), address.Port > 0 ? address.Port : 6379)],
            User = user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null,
            Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null,
            Database = address.AbsolutePath.Trim('/') is { Length: > 0 } database ? Number("database", database) : 0,
            Tls = address.Scheme == "rediss",
        };
    }
}

/// <summary>Redis did not do what it was asked: it cannot be reached, or it refused.</summary>
internal sealed class RedisException(string message, bool isReply = false) : Exception(message)
{
    /// <summary>The server itself refused; the connection is sound.</summary>
    public bool IsReply => isReply;
}
