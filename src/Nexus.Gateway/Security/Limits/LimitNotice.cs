using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Security.Limits;

/// <summary>What a request is told of the limit that counted it last: the route's over the caller's over the address's.</summary>
/// <param name="Rate">The limit.</param>
/// <param name="Verdict">What is left of it.</param>
internal readonly record struct LimitNotice(Rate? Rate, Verdict Verdict)
{
    private static readonly string?[] Numbers = new string?[10_001];

    /// <summary>Writes the headers of the IETF draft <c>draft-ietf-httpapi-ratelimit-headers</c> (its form of separate fields) and their older names.</summary>
    public void Write(IHeaderDictionary headers)
    {
        if (Rate is null)
            return;
        var remaining = Text(Verdict.Remaining);
        var reset = Seconds(Verdict.Allowed ? Verdict.Reset : Verdict.Wait);
        headers["RateLimit-Policy"] = Rate.Policy;
        headers["RateLimit-Limit"] = headers["X-RateLimit-Limit"] = Rate.Text;
        headers["RateLimit-Remaining"] = headers["X-RateLimit-Remaining"] = remaining;
        headers["RateLimit-Reset"] = headers["X-RateLimit-Reset"] = reset;
    }

    /// <summary>Whole seconds, rounded up.</summary>
    public static string Seconds(TimeSpan time) => Text((int)Math.Min(int.MaxValue, Math.Ceiling(time.TotalSeconds)));

    /// <summary>A number; small ones are made once.</summary>
    public static string Text(int number)
    {
        if ((uint)number >= (uint)Numbers.Length)
            return number.ToString(CultureInfo.InvariantCulture);
        return Numbers[number] ??= number.ToString(CultureInfo.InvariantCulture);
    }
}
