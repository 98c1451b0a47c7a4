namespace Nexus;

/// <summary>What an operator lets a plugin use up (<c>plugins.quotas</c>). A refusal is a <see cref="NexusException"/> with <c>QUOTA_EXCEEDED</c>. Thread-safe.</summary>
public interface IPluginQuota
{
    /// <summary>Counts a call of one of its routes, or a use of its resources by another surface.</summary>
    void Call();

    /// <summary>Counts bytes that are about to be stored for it; below zero, bytes that are freed or were not stored after all, which are never refused.</summary>
    void Store(long bytes);
}
