using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Audit;

/// <summary>Settings of the audit trail.</summary>
internal sealed class AuditOptions
{
    /// <summary>Folder of keys, anchor, archives and reports; null takes the plugin's own.</summary>
    public string? Directory { get; set; }

    /// <summary>Further anchors: files, or addresses that take a POST a seal.</summary>
    public string[] Anchors { get; set; } = [];

    /// <summary>How long entries are gathered for a seal.</summary>
    [Range(10, 60_000)]
    public int SealMilliseconds { get; set; } = 500;

    /// <summary>Days after which sealed entries are archived; 2557 are seven years.</summary>
    [Range(1, 36_500)]
    public int RetentionDays { get; set; } = 2557;

    /// <summary>Patterns that raise an alert; null takes the built-in ones.</summary>
    public AlertRule[]? Alerts { get; set; }
}

/// <summary>A pattern that raises an alert.</summary>
internal sealed class AlertRule
{
    /// <summary>Its name.</summary>
    [Required]
    public string Name { get; set; } = "";

    /// <summary>Pattern of the action.</summary>
    [Required]
    public string Action { get; set; } = "";

    /// <summary>Only this result; null takes any.</summary>
    public AuditResult? Result { get; set; }

    /// <summary>What is counted: <c>actor</c>, <c>address</c>, <c>subject</c> or <c>tenant</c>.</summary>
    public string By { get; set; } = "actor";

    /// <summary>How many make an alert.</summary>
    [Range(1, 100_000)]
    public int Count { get; set; } = 1;

    /// <summary>Within how many minutes.</summary>
    [Range(1, 10_080)]
    public int Minutes { get; set; } = 5;
}
