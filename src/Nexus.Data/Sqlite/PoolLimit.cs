using Microsoft.Extensions.Configuration;

namespace Nexus.Data.Sqlite;

/// <summary>How many connections a pool opens, and how long a caller waits for one.</summary>
internal sealed record PoolLimit(int Max, TimeSpan Wait)
{
    public static readonly PoolLimit Default = new(40, TimeSpan.FromSeconds(5));

    /// <summary>From the section <c>database</c>.</summary>
    public static PoolLimit Of(IConfiguration settings) =>
        new(settings.GetValue("pool:maxSize", Default.Max), TimeSpan.FromSeconds(settings.GetValue("pool:timeoutSeconds", (int)Default.Wait.TotalSeconds)));
}
