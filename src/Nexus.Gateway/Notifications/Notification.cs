using System.Collections.Immutable;

namespace Nexus.Gateway.Notifications;

/// <summary>Something that happened and concerns a person.</summary>
/// <param name="Id">Its name, the same whenever it is read.</param>
/// <param name="Kind"><c>task.done</c>, <c>task.failed</c>, <c>plugin.failed</c> (also when the version before took its place), <c>plugin.quarantined</c>, <c>event.dead</c>, or <c>account.</c> with what was done to the own account.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Subject">Id of the task, plugin or event; of the person where it is about the own account.</param>
/// <param name="Name">What it is about, as people call it.</param>
/// <param name="Detail">Why, where that is known.</param>
/// <param name="Read">The person has seen it.</param>
internal sealed record Notification(string Id, string Kind, DateTimeOffset At, string Subject, string Name, string? Detail = null, bool Read = false);

/// <summary>What concerns a person lately.</summary>
/// <param name="Unread">How many of them were not seen yet.</param>
/// <param name="Items">The newest first, at most 50.</param>
internal sealed record NotificationList(int Unread, ImmutableArray<Notification> Items);
