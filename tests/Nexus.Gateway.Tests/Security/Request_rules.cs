using System.Net;
using Nexus.Gateway.Security.Rules;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.Security;

public sealed class Request_rules
{
    public static TheoryData<string> Attacks { get; } = new(AttackTexts.All);

    public static TheoryData<string> Ordinary { get; } =
    [
        "O'Brien", "D'Arcy and O'Neill", "it's a trap", "rock 'n' roll", "select the best option from the list", "please select a date", "drop the table reservation", "union of two sets", "trade union select committee",
        "insert coin", "update me; delete later", "or else", "this and that", "1 and 2", "either 1 or 2 = fine", "Tom & Jerry", "R&D", "50% off", "100%", "C# and F#", "C++ / CLI", "a -- b", "he said \"hello\" -- and left", "5 < 6 and 7 > 3", "x <= y", "a=b", "price=10",
        "<3 you", "I <3 NY", "a <b and c> d", "1=one", "script of the film", "javascript: the good parts", "JavaScript", "the alert (red)", "evaluate(x)", "onclick events explained", "image of a cat; dog", "salt; cat food", "sleep (at night)", "order by phone", "group by age",
        "having fun", "john@example.org", "https://example.org/a/b?c=d&e=f#g", "http://localhost:8000/callback", "2024-01-31T10:00:00+02:00", "Zürich — Genève", "日本語テキスト", "naïve café", "{\"number\":{\"$eq\":\"A-1\"}}", "{\"$or\":[{\"a\":1},{\"b\":\"x or y\"}]}", "[1,2,3]",
        "price > 100; discount < 5", "M&Ms", "AT&T", "(555) 123-4567", "key: value", "path/to/file.txt", "version 1.2.3", "e.g. this...", "wait... what", "and so on ...", "\\o/", "C:", "$100", "$5 - $10", "cost is $5", "#hashtag", "user's \"quoted\" text", "l'été d'Hélène",
        "SELECT", "DROP", "the select statement", "where 1 = one", "table; chairs", "begin; end", "id; name", "ls", "id", "echo", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "base64==", "a+b=c", "50 | 60", "yes | no", "cats | dogs", "A&B", "-created,name", "null", "true or false", "what is 1 + 1?",
        "the window. name it", "Doctor (Who)", "print(\"hello\") in Python", "from dual carriageway", "sleep and wake", "it's 5 or 6", "can't and won't", "'tis the season", "the '90s and '80s", "5' 11\"", "6'2\" or taller",
    ];

    [Theory]
    [MemberData(nameof(Attacks))]
    public void An_attack_is_known_in_a_query_whatever_its_encoding(string attack)
    {
        Assert.NotNull(RequestRules.Find("/api/custom/probe?q=" + Uri.EscapeDataString(attack)));
        Assert.NotNull(RequestRules.Find("/api/custom/probe?q=" + WebUtility.UrlEncode(attack) + "&limit=10"));
        Assert.NotNull(RequestRules.Find("/api/custom/probe?q=" + Uri.EscapeDataString(Uri.EscapeDataString(attack))));
    }

    [Theory]
    [MemberData(nameof(Ordinary))]
    public void Ordinary_text_passes(string text)
    {
        Assert.Null(RequestRules.Find("/api/custom/probe?q=" + Uri.EscapeDataString(text)));
        Assert.Null(RequestRules.Find("/api/custom/probe?filter[name][$eq]=" + WebUtility.UrlEncode(text)));
    }

    [Theory]
    [InlineData("/api/../../etc/passwd")]
    [InlineData("/api/%2e%2e/%2e%2e/etc")]
    [InlineData("/api/%252e%252e/x")]
    [InlineData("/api/..%5c..%5cwindows")]
    [InlineData("/.git/config")]
    [InlineData("/api/.env")]
    [InlineData("/api/custom/probe/%00")]
    [InlineData("/api/custom/probe/%3Cscript%3Ealert(1)%3C%2Fscript%3E")]
    [InlineData("/api/custom/probe/1'%20or%20'1'='1")]
    public void Attacks_in_the_path_are_known(string target) => Assert.NotNull(RequestRules.Find(target));

    [Theory]
    [InlineData("/")]
    [InlineData("/api/business/ledger/accounts/0198c6f0-0000-7000-8000-000000000001")]
    [InlineData("/api/custom/hello/O'Brien")]
    [InlineData("/api/custom/hello/Jean%20d'Arc")]
    [InlineData("/.well-known/jwks.json")]
    [InlineData("/docs/docs.css?v=1.2.3")]
    [InlineData("/api/custom/probe?limit=10&sort=-a,b&fields=id,name&count=true&cursor=eyJhIjoxfQ%3D%3D")]
    [InlineData("/api/custom/probe?")]
    [InlineData("/api/custom/probe?&&=&a")]
    public void Ordinary_addresses_pass(string target) => Assert.Null(RequestRules.Find(target));

    [Fact]
    public void A_text_made_to_be_slow_ends_soon()
    {
        RequestRules.Find("/?q=%27a%20b");
        foreach (var part in new[] { "<a ", "' or ", "select * ", "/*", "(((((", "<img ", "; cat ", "order by ", "'||'", "<a a=", "select count", "' and not ", "<!", " onx ", "data : ", "union all ", "1 or 1", "' ' ' ", "{{1*", "\"' ", "' or (not 1" })
        {
            var (limit, target) = (TimeSpan.FromMilliseconds(900), "/?q=" + Uri.EscapeDataString(string.Concat(Enumerable.Repeat(part, 8000))[..8000]));
            Assert.InRange(Fastest.Of(limit, () => RequestRules.Find(target)), TimeSpan.Zero, limit);
        }
    }

    [Theory]
    [InlineData("block", 403)]
    [InlineData("log", 200)]
    [InlineData("off", 200)]
    public async Task The_mode_decides(string mode, int status)
    {
        var trail = new FakeTrail();
        await using var host = await GatewayHost.StartAsync([("security:requestRules", mode)], configure: trail.Add);

        var answer = await host.Client.GetAsync("/health/live?q=%27%20or%201=1--");

        if (status == 403)
            await Problems.AssertAsync(answer, 403, "REQUEST_BLOCKED");
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(mode switch { "block" => ["security.request.blocked"], "log" => ["security.request.suspected"], _ => [] }, trail.Actions);
    }

    [Fact]
    public async Task Such_text_may_stand_in_a_body()
    {
        await using var host = await Resource_routes.StartAsync();

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Post, Invoices.Path, """{"number":"' or 1=1--"}""");

        Assert.Equal(201, (int)answer.StatusCode);
    }
}
