namespace Nexus.Gateway.Security;

/// <summary>Section <c>security</c> of the configuration; followed while the node runs.</summary>
internal sealed class SecurityOptions
{
    /// <summary>Takes callers of this machine without credentials for the local administrator although identity is active. Development only.</summary>
    public bool LocalAdministrator { get; set; }

    /// <summary>Whether requests that are signed in by cookie and change something need a CSRF token.</summary>
    public bool Csrf { get; set; } = true;

    /// <summary>Whether answers get the security headers.</summary>
    public bool Headers { get; set; } = true;

    /// <summary>Addresses and networks of proxies whose <c>X-Forwarded-*</c> headers are believed.</summary>
    public string[] TrustedProxies { get; set; } = [];

    /// <summary>Who may connect at all.</summary>
    public AddressOptions Addresses { get; set; } = new();

    /// <summary>How often callers may call.</summary>
    public RateLimitOptions RateLimits { get; set; } = new();

    /// <summary>What is done with requests that look like an attack: <c>off</c>, <c>log</c>, <c>block</c>.</summary>
    public RequestRuleMode RequestRules { get; set; } = RequestRuleMode.Block;

    /// <summary>What failed sign-ins lead to.</summary>
    public AbuseOptions Abuse { get; set; } = new();

    /// <summary>How many connections may be open.</summary>
    public ConnectionOptions Connections { get; set; } = new();
}

/// <summary>Section <c>security.addresses</c>: addresses and networks such as <c>10.0.0.0/8</c>.</summary>
internal sealed class AddressOptions
{
    /// <summary>The only ones that are served; empty serves all.</summary>
    public string[] Allow { get; set; } = [];

    /// <summary>Never served; wins over <see cref="Allow"/>.</summary>
    public string[] Deny { get; set; } = [];
}

/// <summary>Section <c>security.rateLimits</c>.</summary>
internal sealed class RateLimitOptions
{
    /// <summary>Whether they are counted at all; limits of single routes and of API keys are always.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether all nodes count together, where an active plugin lets them.</summary>
    public bool Shared { get; set; }

    /// <summary>Whether callers of this machine are counted too.</summary>
    public bool Loopback { get; set; }

    /// <summary>Limit of one address (IPv6: of one /64).</summary>
    public RateOptions Address { get; set; } = new() { Requests = 3000 };

    /// <summary>Limit of one signed-in caller.</summary>
    public RateOptions Caller { get; set; } = new() { Requests = 6000 };

    /// <summary>Refuse at once, or hold requests back up to <see cref="MaxDelaySeconds"/>.</summary>
    public RateLimitMode Mode { get; set; }

    /// <summary>Longest time a request is held back.</summary>
    public double MaxDelaySeconds { get; set; } = 2;

    /// <summary>Most requests that are held back at one time; further ones are refused.</summary>
    public int MaxDelayed { get; set; } = 1000;
}

/// <summary>A rate: a bucket of so many requests that fills again in so many seconds.</summary>
internal sealed class RateOptions
{
    /// <summary>Requests.</summary>
    public int Requests { get; set; } = 1;

    /// <summary>Seconds in which the bucket fills again.</summary>
    public double Seconds { get; set; } = 60;
}

/// <summary>What happens to a request over a limit.</summary>
internal enum RateLimitMode
{
    /// <summary>429 at once.</summary>
    Refuse,

    /// <summary>Held back until the limit allows it; 429 when that takes too long.</summary>
    Throttle,
}

/// <summary>What the request rules do.</summary>
internal enum RequestRuleMode
{
    /// <summary>Nothing.</summary>
    Off,

    /// <summary>Record what they would have refused.</summary>
    Log,

    /// <summary>Refuse and record.</summary>
    Block,
}

/// <summary>Section <c>security.abuse</c>.</summary>
internal sealed class AbuseOptions
{
    /// <summary>Failed sign-ins from one address within an hour; one more blocks the address. 0 turns it off.</summary>
    public int FailedLogins { get; set; } = 10;

    /// <summary>Minutes for which the address is blocked.</summary>
    public double BlockMinutes { get; set; } = 60;

    /// <summary>Refused administrative requests of one caller within ten minutes that raise an alert. 0 turns it off.</summary>
    public int DeniedAdministration { get; set; } = 10;
}

/// <summary>Section <c>security.connections</c>; takes effect at start.</summary>
internal sealed class ConnectionOptions
{
    /// <summary>Open connections of the node.</summary>
    public int Total { get; set; } = 20_000;

    /// <summary>Open connections of one address (IPv6: one /64); trusted proxies, and this machine unless rate limits count it, are not counted.</summary>
    public int PerAddress { get; set; } = 500;

    /// <summary>Seconds within which all headers of a request must have arrived.</summary>
    public double HeaderSeconds { get; set; } = 15;

    /// <summary>Seconds an idle connection is kept.</summary>
    public double IdleSeconds { get; set; } = 120;

    /// <summary>Bytes a second that a body must arrive with, and an answer must be taken with, after a grace of five seconds.</summary>
    public double BytesPerSecond { get; set; } = 240;
}
