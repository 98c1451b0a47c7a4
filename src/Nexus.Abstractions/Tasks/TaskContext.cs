namespace Nexus;

/// <summary>One try of a task, as its handler sees it. Thread-safe.</summary>
/// <param name="task">The task.</param>
/// <param name="isLast">No further try follows a failure.</param>
/// <param name="write">Takes what the handler tells: kind, text, percent.</param>
public sealed class TaskContext(TaskEntry task, bool isLast, Action<string, string, double?> write)
{
    /// <summary>Its id.</summary>
    public Guid Id => task.Id;

    /// <summary>Its whole name.</summary>
    public string Task => task.Task;

    /// <summary>Tenant for which it runs.</summary>
    public string Tenant => task.Tenant;

    /// <summary>Try, from 1.</summary>
    public int Attempt => task.Attempt;

    /// <summary>No further try follows a failure.</summary>
    public bool IsLastAttempt => isLast;

    /// <summary>Input as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Input => task.Input;

    /// <summary>When it was due: of a scheduled task the time of its schedule, however late it runs.</summary>
    public DateTimeOffset DueAt => task.DueAt;

    /// <summary>Tells how far it is, and what it is at; seen at once, whatever becomes of the try. Cheap: what comes faster than it is stored replaces what was told before.</summary>
    /// <param name="percent">0 to 100.</param>
    /// <param name="step">For people, or null.</param>
    public void Report(double percent, string? step = null) => write("step", step ?? "", Math.Clamp(percent, 0, 100));

    /// <summary>Writes a line to the task's log.</summary>
    public void Log(string text) => write("info", text, null);

    /// <summary>Writes a warning to the task's log.</summary>
    public void Warn(string text) => write("warning", text, null);
}
