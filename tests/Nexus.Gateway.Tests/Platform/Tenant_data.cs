using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;
using Nexus.Gateway.Tests.Security;

namespace Nexus.Gateway.Tests.Platform;

/// <summary>Export and deletion of a tenant over HTTP.</summary>
public sealed class Tenant_data
{
    [Fact]
    public async Task A_tenant_is_exported_as_a_file_and_deleted_only_when_its_name_is_repeated()
    {
        var store = new FakeTenants();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<ITenantStore>(store));

        using var export = await host.Client.GetAsync("/api/v1/data/export?tenant=t2");
        using var unsure = await host.Client.DeleteAsync("/api/v1/data?tenant=t2&confirm=t1");
        using var deleted = await host.Client.DeleteAsync("/api/v1/data?tenant=t2&confirm=t2");
        using var outside = await host.Client.GetAsync("/api/v1/data/export?tenant=a%20b");

        Assert.Equal(("application/zip", "attachment; filename=\"t2.zip\"", "zip of t2"), (export.Content.Headers.ContentType!.MediaType, export.Content.Headers.ContentDisposition!.ToString(), await export.Content.ReadAsStringAsync()));
        await Problems.AssertAsync(unsure, 400, "BAD_REQUEST");
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        await Problems.AssertAsync(outside, 404, "RESOURCE_NOT_FOUND");
        Assert.Equal(["export t2", "delete t2"], store.Log);
    }

    [Fact]
    public async Task Export_and_deletion_leave_an_entry_and_who_may_not_leaves_one_too_and_gets_nothing()
    {
        var (store, trail) = (new FakeTenants(), new FakeTrail());
        var identity = new FakeIdentity()
            .Token("boss", "boss", "admin").Grant("admin", "platform.data:export", "platform.data:delete")
            .Token("reader", "reader", "viewer").Grant("viewer", "platform.data:read")
            .Token("tenant", new SignedIn(new Caller("tess", "tess", [], ["admin"]), "t1", "bearer"));
        await using var host = await GatewayHost.StartAsync(configure: services =>
        {
            services.AddSingleton<ITenantStore>(store);
            trail.Add(services);
        });
        host.Plugins.Publish(identity.Plugin());
        async Task<int> SendAsync(HttpMethod method, string path, string token)
        {
            using var answer = await Resource_routes.SendAsync(host, method, path, null, ("Authorization", $"Bearer {token}"));
            await answer.Content.ReadAsByteArrayAsync();
            return (int)answer.StatusCode;
        }

        Assert.Equal(403, await SendAsync(HttpMethod.Get, "/api/v1/data/export?tenant=t2", "reader"));
        Assert.Equal(403, await SendAsync(HttpMethod.Delete, "/api/v1/data?tenant=t2&confirm=t2", "reader"));
        Assert.Equal(404, await SendAsync(HttpMethod.Get, "/api/v1/data/export?tenant=t2", "tenant"));
        Assert.Equal(404, await SendAsync(HttpMethod.Delete, "/api/v1/data?tenant=t2&confirm=t2", "tenant"));
        Assert.Empty(store.Log);
        Assert.Equal(200, await SendAsync(HttpMethod.Get, "/api/v1/data/export?tenant=t2", "boss"));
        Assert.Equal(200, await SendAsync(HttpMethod.Get, "/api/v1/data/export", "tenant"));
        Assert.Equal(200, await SendAsync(HttpMethod.Delete, "/api/v1/data?tenant=t2&confirm=t2", "boss"));

        Assert.Equal(
            ["reader auth.access.denied Denied GET /api/v1/data/export", "reader auth.access.denied Denied DELETE /api/v1/data",
             "tess auth.access.denied Denied tenants/t2", "tess auth.access.denied Denied tenants/t2",
             "boss platform.data.exported Success tenants/t2", "tess platform.data.exported Success tenants/t1", "boss platform.data.deleted Success tenants/t2"],
            trail.Entries.Where(e => e.Action is "auth.access.denied" || e.Action.StartsWith("platform.data", StringComparison.Ordinal)).Select(e => $"{e.Actor} {e.Action} {e.Result} {e.Subject}"));
    }

    private sealed class FakeTenants : ITenantStore
    {
        public List<string> Log { get; } = [];

        public async ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken)
        {
            Log.Add($"export {tenant}");
            await target.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"zip of {tenant}"), cancellationToken);
            return Nothing;
        }

        public ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken) => new([]);

        public ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken)
        {
            Log.Add($"delete {tenant}");
            return new(Nothing);
        }

        private static TenantContents Nothing { get; } = new(ImmutableSortedDictionary<string, long>.Empty, 0, [], 0);
    }
}
