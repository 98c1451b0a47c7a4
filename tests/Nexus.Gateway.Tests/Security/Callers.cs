using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Callers
{
    private const string Route = "/api/custom/probe/v";

    [Fact]
    public async Task With_identity_a_request_without_credentials_is_anonymous_also_from_this_machine()
    {
        var ran = false;
        await using var host = await StartAsync(new FakeIdentity(), _ => ran = true);

        var answer = await host.Client.GetAsync(Route);

        await Problems.AssertAsync(answer, 401, "AUTHENTICATION_REQUIRED");
        Assert.Equal("Bearer realm=\"nexus\"", answer.Headers.WwwAuthenticate.ToString());
        Assert.False(ran);
        await Problems.AssertAsync(await host.Client.GetAsync("/api/v1/plugins"), 401, "AUTHENTICATION_REQUIRED");
        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/live")).StatusCode);
    }

    [Fact]
    public async Task A_token_is_asked_of_the_plugin_and_its_caller_reaches_the_handler()
    {
        Caller? seen = null;
        await using var host = await StartAsync(new FakeIdentity().Token("t1", "ada", "reader").Grant("reader", "sample.probe:read"), c => seen = c);

        Assert.Equal(200, await GetAsync(host, ("Authorization", "Bearer t1")));
        Assert.Equal("ada", seen!.Id);
    }

    [Theory]
    [InlineData("Authorization", "Bearer wrong")]
    [InlineData("Authorization", "Negotiate abc")]
    [InlineData("X-API-Key", "wrong")]
    [InlineData("Cookie", "nexus_session=wrong")]
    public async Task Wrong_credentials_are_401_on_a_protected_route_and_do_not_close_a_public_one(string header, string value)
    {
        await using var host = await StartAsync(new FakeIdentity());

        var refused = await Resource_routes.SendAsync(host, HttpMethod.Get, Route, null, (header, value));
        var open = await Resource_routes.SendAsync(host, HttpMethod.Get, "/health/live", null, (header, value));

        await Problems.AssertAsync(refused, 401, "AUTHENTICATION_REQUIRED");
        Assert.Equal("Bearer realm=\"nexus\", error=\"invalid_token\"", refused.Headers.WwwAuthenticate.ToString());
        Assert.Equal(200, (int)open.StatusCode);
    }

    [Fact]
    public async Task A_caller_without_the_permission_is_403_before_the_plugin_is_reached()
    {
        var ran = false;
        await using var host = await StartAsync(new FakeIdentity().Token("t1", "ada", "nobody"), _ => ran = true);

        await Problems.AssertAsync(await SendAsync(host, ("Authorization", "Bearer t1")), 403, "PERMISSION_DENIED");
        Assert.False(ran);
    }

    [Fact]
    public async Task A_resource_route_tells_anonymous_from_denied()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(new FakeIdentity().Token("t1", "ada").Plugin(), Invoices.Plugin());

        await Problems.AssertAsync(await host.Client.GetAsync(Invoices.Path), 401, "AUTHENTICATION_REQUIRED");
        await Problems.AssertAsync(await Resource_routes.SendAsync(host, HttpMethod.Get, Invoices.Path, null, ("Authorization", "Bearer t1")), 403, "PERMISSION_DENIED");
    }

    [Fact]
    public async Task Only_named_strategies_are_asked()
    {
        var identity = new FakeIdentity().Token("t1", "ada", "administrator");
        await using var host = await StartAsync(identity, settings: ("auth:strategies:0", "apikey"));

        Assert.Equal(401, await GetAsync(host, ("Authorization", "Bearer t1")));
        Assert.Equal(200, await GetAsync(host, ("X-API-Key", "t1")));
    }

    [Fact]
    public async Task Another_plugin_can_add_a_strategy()
    {
        var identity = new FakeIdentity();
        await using var host = await StartAsync(identity);
        var ticket = FakePlugins.Plugin("custom.tickets") with
        {
            Authentication = [new("ticket", 5, (c, _) => ValueTask.FromResult(c.Authorization == "Ticket 7" ? Authentication.Accept(new(new Caller("guest", "Guest", [], ["administrator"]), "default", "ticket")) : Authentication.NotMine))],
        };

        host.Plugins.Publish([.. host.Plugins.Current.Plugins, ticket]);

        Assert.Equal(200, await GetAsync(host, ("Authorization", "Ticket 7")));
        Assert.Equal(401, await GetAsync(host, ("Authorization", "Ticket 8")));
    }

    [Fact]
    public async Task A_node_whose_identity_disappears_closes()
    {
        await using var host = await StartAsync(new FakeIdentity().Token("t1", "ada", "administrator"));
        Assert.Equal(200, await GetAsync(host, ("Authorization", "Bearer t1")));

        host.Plugins.Publish([.. host.Plugins.Current.Plugins.Where(p => p.Authorization is null)]);

        await Problems.AssertAsync(await host.Client.GetAsync(Route), 503, "SERVICE_UNAVAILABLE");
        await Problems.AssertAsync(await SendAsync(host, ("Authorization", "Bearer t1")), 503, "SERVICE_UNAVAILABLE");
        await Problems.AssertAsync(await host.Client.GetAsync("/api/v1/plugins"), 503, "SERVICE_UNAVAILABLE");
    }

    [Fact]
    public async Task While_identity_is_replaced_requests_wait_for_the_next_generation()
    {
        var old = new FakeIdentity().Token("t1", "ada", "administrator");
        await using var host = await StartAsync(old);
        Assert.Equal(200, await GetAsync(host, ("Authorization", "Bearer t1")));

        var refusals = 0;
        old.Lease.OnRefused = () =>
        {
            if (++refusals == 2)
                host.Plugins.Publish([new FakeIdentity().Token("t1", "ada", "administrator").Plugin(), .. host.Plugins.Current.Plugins.Where(p => p.Authorization is null)]);
        };
        old.Lease.Drain();

        Assert.Equal(200, await GetAsync(host, ("Authorization", "Bearer t1")).WaitAsync(Until.Patience));
        Assert.Equal(2, refusals);
        Assert.Equal(0, old.Lease.Leases);
    }

    [Fact]
    public async Task Of_two_policies_the_one_that_decided_first_goes_on()
    {
        await using var host = await StartAsync(new FakeIdentity().Token("t1", "ada"));
        Assert.Equal(403, await GetAsync(host, ("Authorization", "Bearer t1")));
        var usurper = FakePlugins.Plugin("a.first") with { Authorization = new((_, _, _) => ValueTask.FromResult(new AccessDecision(AccessScope.All, "All."))) };

        host.Plugins.Publish([usurper, .. host.Plugins.Current.Plugins]);

        Assert.Equal(403, await GetAsync(host, ("Authorization", "Bearer t1")));
        Assert.Contains(host.Log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal) && l.Contains("a.first", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_strategy_that_throws_answers_a_problem_without_its_text()
    {
        var identity = new FakeIdentity { Before = () => throw new InvalidOperationException("the secret of the table") };
        await using var host = await StartAsync(identity);

        var answer = await SendAsync(host, ("Authorization", "Bearer t1"));

        await Problems.AssertAsync(answer, 500, "INTERNAL_ERROR");
        Assert.DoesNotContain("secret", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, identity.Lease.Leases);
    }

    [Fact]
    public async Task The_local_administrator_can_be_kept_in_development_and_not_in_production()
    {
        await using (var host = await StartAsync(new FakeIdentity(), settings: ("security:localAdministrator", "true")))
        {
            Assert.Equal(200, await GetAsync(host));
            Assert.Equal(401, await GetAsync(host, ("Authorization", "Bearer wrong")));
        }

        var refusal = await Assert.ThrowsAsync<NexusException>(() => GatewayHost.StartAsync([("security:localAdministrator", "true")], environment: "Production"));
        Assert.Equal("CONFIG_VALIDATION_ERROR", refusal.Code);
    }

    [Fact]
    public async Task A_caller_who_must_change_the_password_gets_nothing_else()
    {
        var signedIn = new SignedIn(new Caller("ada", "ada", [], ["administrator"]), "default", "bearer") { MustChangePassword = true };
        await using var host = await StartAsync(new FakeIdentity().Token("t1", signedIn));
        var change = FakePlugins.Plugin("core.account", null, ("PUT", "~/api/v1/auth/password", c => c.Response.WriteAsync("changed")));
        host.Plugins.Publish([.. host.Plugins.Current.Plugins, change with { Endpoints = [change.Endpoints[0] with { Permission = "core.identity:account", ForPasswordChange = true }] }]);

        await Problems.AssertAsync(await SendAsync(host, ("Authorization", "Bearer t1")), 403, "PASSWORD_CHANGE_REQUIRED");
        Assert.Equal(200, (int)(await Resource_routes.SendAsync(host, HttpMethod.Put, "/api/v1/auth/password", null, ("Authorization", "Bearer t1"))).StatusCode);
    }

    [Theory]
    [InlineData("POST", null, 403)]
    [InlineData("POST", "wrong", 403)]
    [InlineData("POST", "c1", 200)]
    [InlineData("GET", null, 200)]
    public async Task A_change_that_is_signed_in_by_cookie_needs_its_csrf_token(string method, string? token, int status)
    {
        await using var host = await StartAsync(Browser());
        (string, string)[] headers = [("Cookie", "nexus_session=t1"), .. token is null ? [] : new[] { ("X-CSRF-Token", token) }];

        var answer = await Resource_routes.SendAsync(host, new HttpMethod(method), Route, null, headers);

        if (status == 403)
            await Problems.AssertAsync(answer, 403, "CSRF_TOKEN_INVALID");
        else
            Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Without_its_csrf_token_a_cookie_is_nobody_on_a_public_route()
    {
        Caller? seen = null;
        await using var host = await StartAsync(Browser(), c => seen = c, permission: null);

        await Resource_routes.SendAsync(host, HttpMethod.Post, Route, null, ("Cookie", "nexus_session=t1"));
        Assert.Equal("anonymous", seen!.Id);

        await Resource_routes.SendAsync(host, HttpMethod.Post, Route, null, ("Cookie", "nexus_session=t1"), ("X-CSRF-Token", "c1"));
        Assert.Equal("ada", seen.Id);
    }

    [Fact]
    public async Task A_platform_route_that_names_no_permission_stops_the_start()
    {
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => GatewayHost.StartAsync(configure: s => s.AddSingleton<IPlatformRoutes, Forgotten>()));

        Assert.Contains("/api/v1/forgotten", refusal.Message, StringComparison.Ordinal);
    }

    private static FakeIdentity Browser() =>
        new FakeIdentity().Token("t1", new SignedIn(new Caller("ada", "ada", [], ["administrator"]), "default", "cookie") { CsrfToken = "c1" });

    private static async Task<GatewayHost> StartAsync(FakeIdentity identity, Action<Caller>? handle = null, string? permission = "sample.probe:read", params (string, string)[] settings)
    {
        var host = await GatewayHost.StartAsync(settings);
        var probe = FakePlugins.Plugin("sample.probe", null, ("", "/v", c =>
        {
            handle?.Invoke(CallContext.Current.Caller);
            return c.Response.WriteAsync("ok");
        }));
        host.Plugins.Publish(identity.Plugin(), probe with { Endpoints = [probe.Endpoints[0] with { Permission = permission }] });
        return host;
    }

    private static Task<HttpResponseMessage> SendAsync(GatewayHost host, params (string, string)[] headers) => Resource_routes.SendAsync(host, HttpMethod.Get, Route, null, headers);

    private static async Task<int> GetAsync(GatewayHost host, params (string, string)[] headers) => (int)(await SendAsync(host, headers)).StatusCode;

    private sealed class Forgotten : IPlatformRoutes
    {
        public IEnumerable<PlatformRoute> Routes => [new("GET", "/api/v1/forgotten", "getForgotten", "Nothing", "", _ => Task.CompletedTask)];
    }
}
