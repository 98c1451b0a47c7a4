namespace Nexus.Gateway.Grpc.Services;

/// <summary>Which resource a method is about.</summary>
/// <param name="Resource">Its id, <c>{plugin}.{name}</c>; null where each call names it.</param>
internal sealed record ResourceTarget(string? Resource)
{
    /// <summary>Name of the action; null where each call names it.</summary>
    public string? Action { get; init; }

    /// <summary>Records leave with the fields of their own type, not as a <c>Record</c> with all of them as JSON.</summary>
    public bool IsTyped => Resource is not null;
}
