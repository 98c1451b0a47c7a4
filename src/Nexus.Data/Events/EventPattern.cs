namespace Nexus.Data.Events;

/// <summary>Event patterns: <c>*</c> stands for one or more characters, dots included; all else is literal.</summary>
internal static class EventPattern
{
    public static bool Matches(string pattern, string name)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0)
            return pattern == name;
        if (!name.StartsWith(pattern[..star], StringComparison.Ordinal))
            return false;
        var rest = pattern[(star + 1)..];
        for (var end = star + 1; end <= name.Length; end++)
        {
            if (Matches(rest, name[end..]))
                return true;
        }

        return false;
    }
}
