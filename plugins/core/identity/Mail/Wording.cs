using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Mail;

/// <summary>In which language a user is written to.</summary>
internal static class Wording
{
    /// <summary>The language of whoever named none, or one that no letter is written in.</summary>
    public const string English = "en";

    /// <summary>German.</summary>
    public const string German = "de";

    /// <summary>The language of a user's preferences, such as <c>de</c> or <c>de-AT</c>, where letters are written in it.</summary>
    public static string Of(User user) =>
        Preferred.Language(user) is { } tag && tag.Split('-')[0].Equals(German, StringComparison.OrdinalIgnoreCase) ? German : English;

    /// <summary>A time in words: whole days, hours or minutes.</summary>
    public static string Time(TimeSpan time, string language) => (time.TotalHours, language) switch
    {
        ( >= 48, German) => $"{time.TotalDays:0} Tage",
        ( >= 2, German) => $"{time.TotalHours:0} Stunden",
        (_, German) => $"{time.TotalMinutes:0} Minuten",
        ( >= 48, _) => $"{time.TotalDays:0} days",
        ( >= 2, _) => $"{time.TotalHours:0} hours",
        _ => $"{time.TotalMinutes:0} minutes",
    };
}
