using System.Net;
using System.Net.Http.Json;
using Nexus.Testing;

namespace Nexus.Surface.Tests.Guide;

public sealed class GreeterPluginTests
{
    [Fact]
    public async Task It_greets_as_configured()
    {
        await using var host = await PluginTestHost.StartAsync<GreeterPlugin>(options => options.Settings["plugins:greeter:greeting"] = "Good day");

        using var answer = await host.Client.GetAsync($"{host.Prefix}/greet/Ada");

        Assert.Equal("Good day, Ada!", await answer.Content.ReadAsStringAsync());
        Assert.Equal("was here", answer.Headers.GetValues("X-Greeter").Single());
    }

    [Fact]
    public async Task The_eleventh_greeting_of_a_minute_is_refused()
    {
        await using var host = await PluginTestHost.StartAsync<GreeterPlugin>();
        var statuses = new List<HttpStatusCode>();

        for (var call = 0; call < 11; call++)
            statuses.Add((await host.Client.PostAsJsonAsync($"{host.Prefix}/greetings", new Greeting("Hi"))).StatusCode);

        Assert.All(statuses.Take(10), status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[10]);
    }

    [Theory]
    [InlineData("true", HttpStatusCode.OK)]
    [InlineData("false", HttpStatusCode.NotFound)]
    public async Task The_beta_route_is_there_when_its_feature_is_on(string on, HttpStatusCode status)
    {
        await using var host = await PluginTestHost.StartAsync<GreeterPlugin>(options => options.Settings["custom:features:greeter-beta"] = on);

        using var answer = await host.Client.GetAsync($"{host.Prefix}/beta");

        Assert.Equal(status, answer.StatusCode);
    }

    [Fact]
    public async Task A_visit_is_accepted_and_noted_afterwards()
    {
        await using var host = await PluginTestHost.StartAsync<GreeterPlugin>();

        using var answer = await host.Client.PostAsync($"{host.Prefix}/visits", null);

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }
}
