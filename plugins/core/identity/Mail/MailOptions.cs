using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Identity.Mail;

/// <summary>How mail leaves, section <c>plugins:core.identity:mail</c>.</summary>
internal sealed class MailOptions
{
    /// <summary>Server of outgoing mail; without one letters are kept on this node (folder <c>mail</c> of its data) and sent nowhere.</summary>
    public string? Host { get; set; }

    /// <summary>Its port.</summary>
    [Range(1, 65_535)]
    public int Port { get; set; } = 587;

    /// <summary>Use TLS (STARTTLS).</summary>
    public bool Tls { get; set; } = true;

    /// <summary>Name to sign in with, or null.</summary>
    public string? UserName { get; set; }

    /// <summary>Password to sign in with, or null.</summary>
    public string? Password { get; set; }

    /// <summary>How long the server may take for one letter.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:30")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Sender.</summary>
    [EmailAddress]
    public string From { get; set; } = "nexus@localhost.localdomain";
}
