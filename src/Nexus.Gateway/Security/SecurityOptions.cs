namespace Nexus.Gateway.Security;

/// <summary>Section <c>security</c> of the configuration; followed while the node runs.</summary>
internal sealed class SecurityOptions
{
    /// <summary>Takes callers of this machine without credentials for the local administrator although identity is active. Development only.</summary>
    public bool LocalAdministrator { get; set; }

    /// <summary>Whether requests that are signed in by cookie and change something need a CSRF token.</summary>
    public bool Csrf { get; set; } = true;
}
