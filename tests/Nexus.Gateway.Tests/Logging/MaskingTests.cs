using System.Text;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Logging;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Logging;

public sealed class MaskingTests
{
    [Theory]
    [InlineData("paid with 4111 1111 1111 1111 today", "paid with ***1111 today")]
    [InlineData("paid with 4111-1111-1111-1111", "paid with ***1111")]
    [InlineData("card=5500005555555559;", "card=***5559;")]
    [InlineData("amex 3782 822463 10005.", "amex ***0005.")]
    [InlineData("mail to ada.lovelace+x@mail.example.org failed", "mail to ***@*** failed")]
    [InlineData("Authorization: Bearer abc.def-ghi_123", "Authorization: Bearer ***")]
    [InlineData("sent bearer 0123456789abcdef", "sent bearer ***")]
    [InlineData("key nx_live_0123456789abcdef refused", "key nx_*** refused")]
    [InlineData("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2ln was sent", "token *** was sent")]
    [InlineData("password=hunter2&user=ada", "password=***&user=ada")]
    [InlineData("{\"user\":\"ada\",\"password\":\"hun\\\"ter2\",\"n\":1}", "{\"user\":\"ada\",\"password\":\"***\",\"n\":1}")]
    [InlineData("db_password: s3cret, pool 5", "db_password: ***, pool 5")]
    [InlineData("postgres://nexus:s3cret@db.internal:5432/x", "postgres://***:***@db.internal:5432/x")]
    [InlineData("X-API-Key: abcdef123456", "X-API-Key: ***")]
    public void What_must_not_stand_in_a_log_is_masked(string text, string masked) => Assert.Equal(masked, Masking.Mask(text));

    [Theory]
    [InlineData("GET /api/v1/plugins 200 in 3 ms")]
    [InlineData("order 0190c6f0-0000-7000-8000-000000000001 created")]
    [InlineData("order 41111111-1111-1111-8111-111111111111 created")]
    [InlineData("at 1763712000000 ms, 1763712000000000 us")]
    [InlineData("4111111111111112 fails the check digit")]
    [InlineData("the token was cancelled")]
    [InlineData("2026-01-01 12:00:00 2026-01-01 13:00:00")]
    [InlineData("see @home and a@b")]
    public void What_only_looks_alike_stays_and_is_not_copied(string text) => Assert.Same(text, Masking.Mask(text));

    [Fact]
    public void Json_stays_json()
    {
        var masked = Masking.MaskJson("""{"a":4111111111111111,"b":["x@y.example"],"token":{"old":"t1","new":null},"password":"p","n":1.50,"text":"nx_0123456789"}"""u8.ToArray());

        Assert.Equal("""{"a":"***1111","b":["***@***"],"token":{"old":"***","new":null},"password":"***","n":1.50,"text":"nx_***"}""", Encoding.UTF8.GetString(masked.Span));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_log_writer_masks_messages_and_exceptions(bool json)
    {
        var failure = new InvalidOperationException("no answer for ada@mail.example.org");
        using var target = new MemoryStream();
        var recent = new RecentLines();
        using (var logging = new LineLogging(target, recent, TimeProvider.System, json, "nexus"))
            logging.CreateLogger("A").LogError(failure, "password=hunter2");
        var kept = recent.Read(new LogFilter(LogLevel.Trace, 0), 10).Single();

        foreach (var line in new[] { Encoding.UTF8.GetString(target.ToArray()), kept.Message + kept.Error })
            Assert.Equal((false, false, true), (line.Contains("hunter2", StringComparison.Ordinal), line.Contains("ada@", StringComparison.Ordinal), line.Contains("***@***", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_long_hostile_text_takes_no_long_time()
    {
        var limit = TimeSpan.FromSeconds(0.9);
        foreach (var part in (string[])["a@", "password=", "1 ", "4111 ", "bearer ", "eyJa.", "://a:", "password=\"\\"])
        {
            var text = string.Concat(Enumerable.Repeat(part, 20_000));
            Assert.InRange(Fastest.Of(limit, () => Masking.Mask(text)), TimeSpan.Zero, limit);
        }
    }
}
