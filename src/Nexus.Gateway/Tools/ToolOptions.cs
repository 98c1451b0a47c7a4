namespace Nexus.Gateway.Tools;

/// <summary>Section <c>tools</c> of the configuration.</summary>
internal sealed class ToolOptions
{
    /// <summary>Whether tools are served.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Path of the Model Context Protocol.</summary>
    public string Path { get; set; } = "/mcp";

    /// <summary>What becomes of a call that changes something and whose caller lacks <c>platform.tools:write</c>.</summary>
    public ToolWrites Writes { get; set; } = ToolWrites.Approve;

    /// <summary>Bytes of one result; a list is cut at a record.</summary>
    public int ResultBytes { get; set; } = 200_000;

    /// <summary>Minutes in which an approval is given and used.</summary>
    public int ApprovalMinutes { get; set; } = 60;
}

/// <summary>Ways to treat tools that change something.</summary>
internal enum ToolWrites
{
    /// <summary>Somebody approves the exact call first.</summary>
    Approve,

    /// <summary>They run as reads do.</summary>
    Allow,

    /// <summary>They are neither listed nor run.</summary>
    Refuse,
}
