namespace Nexus.Kernel.Tests.Plugins;

/// <summary>What a route asks of its callers.</summary>
public sealed class RoutePermissionTests
{
    [Fact]
    public async Task A_method_that_an_attribute_protects_asks_for_its_permission_and_one_that_says_nothing_for_the_plugins_own()
    {
        await using var host = new KernelHost();
        host.Add("shop", Source("""routes.MapGet("/close", Close); routes.MapGet("/say", () => ""); routes.MapGet("/open", () => "").AllowAnonymous(); routes.MapGet("/named", () => "").RequireAuthorization("shop:read");"""));

        await host.StartAsync();

        Assert.Equal(
            ["close shop.orders:close", "named shop:read", "open ", "say shop:use"],
            host.Kernel.Current.Find("shop")!.Endpoints.Select(e => $"{e.Pattern.Trim('/')} {e.Permission}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""routes.MapGet("/a", () => "").RequireAuthorization(new Microsoft.AspNetCore.Authorization.AuthorizeAttribute { Roles = "admin" });""", "asks for the role admin")]
    [InlineData("""routes.MapGet("/a", () => "").RequireAuthorization(new Microsoft.AspNetCore.Authorization.AuthorizeAttribute { AuthenticationSchemes = "Bearer" });""", "names a scheme of authentication")]
    [InlineData("""routes.MapGroup("/g").RequireAuthorization("shop:read").MapGet("/a", () => "").RequireAuthorization("shop:write");""", "asks for several permissions (shop:read, shop:write)")]
    public async Task A_route_that_asks_for_more_than_one_permission_can_say_is_refused_instead_of_left_open(string map, string told)
    {
        await using var host = new KernelHost();
        host.Add("shop", Source(map));

        await host.StartAsync();

        var status = host.Status("shop");
        Assert.Equal(PluginState.Failed, status.State);
        Assert.Contains(told, status.Cause, StringComparison.Ordinal);
        Assert.Contains("A route asks for one permission", status.Cause, StringComparison.Ordinal);
    }

    private static string Source(string map) => $$"""
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes => { {{map}} });
            [Microsoft.AspNetCore.Authorization.Authorize("shop.orders:close")] public static string Close() => "closed";
        }
        """;
}
