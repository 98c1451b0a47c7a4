using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Logging;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Logging;

/// <summary>The newest lines of the log, kept and asked for.</summary>
public sealed class RecentLinesTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void No_more_is_kept_than_ten_thousand_lines_and_four_million_characters()
    {
        var (many, long_) = (new RecentLines(), new RecentLines());
        for (var n = 1; n <= 10_001; n++)
            many.Add(Line($"line {n}"));
        for (var n = 1; n <= 1_000; n++)
            long_.Add(Line(new string('x', 5_000), exception: new string('y', 9_000)));

        Assert.Equal((2, "line 2"), many.Read(All, 20_000) is [var first, ..] and { Length: 10_000 } ? ((int)first.Number, first.Message) : default);
        var kept = long_.Read(All, 20_000);
        Assert.Equal((325, 1_000, 4_096, 8_192), (kept.Length, (int)kept[^1].Number, kept[0].Message.Length, kept[0].Error!.Length));
    }

    [Fact]
    public void Of_more_lines_than_wanted_the_newest_come_and_behind_a_number_the_next()
    {
        var recent = new RecentLines();
        for (var n = 1; n <= 10; n++)
            recent.Add(Line($"line {n}"));

        Assert.Equal([8, 9, 10], recent.Read(All, 3).Select(l => l.Number));
        Assert.Equal([5, 6, 7], recent.Read(All with { After = 4 }, 3).Select(l => l.Number));
        Assert.Empty(recent.Read(All with { After = 10 }, 3));
    }

    [Theory]
    [InlineData("level=warning", 2, 3)]
    [InlineData("level=ERROR", 3)]
    [InlineData("component=nexus.gateway", 2)]
    [InlineData("component=Nexus", 2, 3)]
    [InlineData("component=Nexus.Gate")]
    [InlineData("search=CARD", 1, 3)]
    [InlineData("search=timeout", 3)]
    [InlineData("search=R-2", 2)]
    [InlineData("request=r-2", 2)]
    [InlineData("request=r")]
    [InlineData("from=2030-01-31T12:00:01Z", 2, 3)]
    [InlineData("from=2030-01-31T13:00:01%2B01:00&to=2030-01-31T12:00:02Z", 2)]
    [InlineData("limit=1", 3)]
    [InlineData("after=1&limit=1", 2)]
    public async Task Lines_are_found_by_level_component_text_request_and_time(string query, params int[] numbers)
    {
        await using var host = await GatewayHost.StartAsync();
        var recent = host.Services.GetRequiredService<RecentLines>();
        recent.Add(Line("the card was taken", LogLevel.Information, "orders.Payment"));
        recent.Add(Line("slow", LogLevel.Warning, "Nexus.Gateway", request: "r-2", at: 1));
        recent.Add(Line("the card was not taken", LogLevel.Error, "Nexus.GatewayX", "System.TimeoutException: timeout", at: 2));

        var found = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/logs?" + query))!.AsArray();

        Assert.Equal(numbers, found.Select(l => (int)l!["number"]!));
    }

    [Theory]
    [InlineData("level=loud", "/level")]
    [InlineData("level=none", "/level")]
    [InlineData("level=3", "/level")]
    [InlineData("limit=0", "/limit")]
    [InlineData("limit=1001", "/limit")]
    [InlineData("after=-1", "/after")]
    [InlineData("from=soon", "/from")]
    [InlineData("to=soon", "/to")]
    public async Task What_is_not_understood_is_refused_with_its_name(string query, string pointer)
    {
        await using var host = await GatewayHost.StartAsync();

        using var answer = await host.Client.GetAsync("/api/v1/logs?" + query);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal(pointer, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["errors"]![0]!["pointer"]);
    }

    private static LogFilter All { get; } = new(LogLevel.Trace, 0);

    private static LogEntry Line(string message, LogLevel level = LogLevel.Information, string category = "A", string? exception = null, string? request = null, int at = 0) =>
        new(Noon.AddSeconds(at), level, category, message, exception, request, null);
}
