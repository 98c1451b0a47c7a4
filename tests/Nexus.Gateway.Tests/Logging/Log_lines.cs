using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Tests.Logging;

public sealed class Log_lines
{
    [Fact]
    public void A_json_line_has_the_ten_fields_in_utc_on_one_line()
    {
        var line = Of(new DateTimeOffset(2030, 1, 31, 13, 0, 0, TimeSpan.FromHours(1)), "signed in\nas \"Ada\"", new GatewayRequest("r-1")
        {
            RemoteAddress = System.Net.IPAddress.Loopback,
            UserAgent = "curl/8",
            Context = new CallContext(new Caller("ada", "Ada", [], []), "default", "r-1"),
            Status = 200,
            ElapsedMilliseconds = 1.23456,
        });

        Assert.Equal(
            """{"timestamp":"2030-01-31T12:00:00Z","service":"nexus","level":"INFO","message":"signed in\nas \"Ada\"","user_id":"ada","ip_address":"127.0.0.1","user_agent":"curl/8","request_id":"r-1","response_time_ms":1.235,"status_code":200,"category":"Nexus.Access"}""" + "\n",
            line);
    }

    [Fact]
    public void Outside_of_a_request_its_fields_are_null()
    {
        var line = JsonNode.Parse(Of(DateTimeOffset.UnixEpoch, "started", null))!.AsObject();

        Assert.Equal(["timestamp", "service", "level", "message", "user_id", "ip_address", "user_agent", "request_id", "response_time_ms", "status_code", "category"], line.Select(p => p.Key));
        Assert.Null(line["request_id"]);
    }

    [Fact]
    public void A_text_line_cannot_be_forged()
    {
        var text = Encoding.UTF8.GetString(LogLine.Text(new LogEntry(DateTimeOffset.UnixEpoch, LogLevel.Warning, "A", "one\n12:00 ERROR two\u001b[2J", null, null, null)));

        Assert.Equal(1, text.Count(c => c == '\n'));
        Assert.DoesNotContain('\u001b', text);
    }

    [Fact]
    public void What_was_logged_is_written_before_the_end()
    {
        using var target = new MemoryStream();
        using (var logging = new LineLogging(target, new RecentLines(), TimeProvider.System, json: true, "nexus"))
        {
            var log = logging.CreateLogger("Test");
            for (var n = 0; n < 1000; n++)
                log.LogInformation("line {N}", n);
        }

        var lines = Encoding.UTF8.GetString(target.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1000, lines.Length);
        Assert.Equal("line 999", JsonNode.Parse(lines[^1])!["message"]!.GetValue<string>());
    }

    private static string Of(DateTimeOffset now, string message, GatewayRequest? request)
    {
        GatewayRequest.Current = request;
        return Encoding.UTF8.GetString(LogLine.Json(new LogEntry(now, LogLevel.Information, "Nexus.Access", message, null, request?.Id, request?.Context.Caller.Id), "nexus"));
    }
}
