namespace Nexus.Gateway.Security.Transport;

/// <summary>Section <c>server.https</c>; takes effect at start.</summary>
internal sealed class HttpsOptions
{
    /// <summary>Port of HTTPS; null leaves it off.</summary>
    public int? Port { get; set; }

    /// <summary>File of the certificate: PEM (leaf first, then its chain) or PFX. Without one a development host makes its own.</summary>
    public string? Certificate { get; set; }

    /// <summary>File of the private key in PEM; null when it stands in the certificate's file.</summary>
    public string? Key { get; set; }

    /// <summary>Password of the PFX or of an encrypted key.</summary>
    public string? Password { get; set; }

    /// <summary>PEM file of the authorities that vouch for callers: who shows no certificate of theirs gets no connection. Null asks for none.</summary>
    public string? ClientAuthority { get; set; }

    /// <summary>Oldest TLS that is spoken: <c>1.3</c>, or <c>1.2</c> for old clients.</summary>
    public string MinimumTls { get; set; } = "1.3";

    /// <summary>Whether plain HTTP is answered with the HTTPS address.</summary>
    public bool Redirect { get; set; } = true;

    /// <summary>Port that the redirect names when a proxy or a port mapping stands before the node; the port of HTTPS by default.</summary>
    public int? RedirectPort { get; set; }

    /// <summary>Seconds for which browsers shall use HTTPS only; 0 sends no header.</summary>
    public long HstsSeconds { get; set; } = 31_536_000;

    /// <summary>Whether that includes sub-domains.</summary>
    public bool HstsSubdomains { get; set; }
}
