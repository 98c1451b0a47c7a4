namespace Nexus.Gateway;

/// <summary>Section <c>server</c> of the configuration.</summary>
internal sealed class ServerOptions
{
    /// <summary>Port of HTTP/2 without TLS; 0 for none.</summary>
    public int Http2Port { get; set; }

    /// <summary>Address under which users reach the node, such as <c>https://nexus.example.org</c>; null takes that of each request's host where it is a known one.</summary>
    public string? PublicUrl { get; set; }

    /// <summary>Host names that are served, without port; empty means the loopback names; <c>*</c> means any.</summary>
    public string[] AllowedHosts { get; set; } = [];

    /// <summary>Origins (<c>https://console.example.org</c>) whose pages may call this node; others are refused.</summary>
    public string[] AllowedOrigins { get; set; } = [];

    /// <summary>Names of fields that are never returned, whatever the resource.</summary>
    public string[] HiddenFields { get; set; } = [];

    /// <summary>Whether each request is logged.</summary>
    public bool AccessLog { get; set; } = true;

    /// <summary>Limits on what a caller may send.</summary>
    public LimitOptions Limits { get; set; } = new();
}

/// <summary>Section <c>server.limits</c>.</summary>
internal sealed class LimitOptions
{
    /// <summary>Bytes of any body.</summary>
    public long BodyBytes { get; set; } = 100L * 1024 * 1024;

    /// <summary>Bytes of a JSON body, which is held in memory.</summary>
    public int JsonBytes { get; set; } = 10 * 1024 * 1024;

    /// <summary>Levels of nesting of a JSON body.</summary>
    public int JsonDepth { get; set; } = 10;

    /// <summary>Elements of one JSON array.</summary>
    public int ArrayLength { get; set; } = 1000;

    /// <summary>Greatest number of records of one batch.</summary>
    public int BatchLength { get; set; } = 10_000;

    /// <summary>Characters of one JSON string.</summary>
    public int StringLength { get; set; } = 10_000;

    /// <summary>Bytes of all request headers together.</summary>
    public int HeaderBytes { get; set; } = 32 * 1024;

    /// <summary>Bytes of the request line: method, path and query.</summary>
    public int UrlBytes { get; set; } = 8 * 1024;

    /// <summary>Number of request headers.</summary>
    public int HeaderCount { get; set; } = 100;

    /// <summary>Parts of a multipart body and values of a form.</summary>
    public int FormParts { get; set; } = 1000;

    /// <summary>Seconds within which a JSON body must have arrived.</summary>
    public double BodySeconds { get; set; } = 30;

    /// <summary>Seconds after which a plugin's request is told to stop, sockets aside.</summary>
    public double RequestSeconds { get; set; } = 100;

    /// <summary>The same limits for a route whose texts may be longer.</summary>
    public LimitOptions WithTexts(int length)
    {
        var limits = (LimitOptions)MemberwiseClone();
        limits.StringLength = length;
        return limits;
    }
}
