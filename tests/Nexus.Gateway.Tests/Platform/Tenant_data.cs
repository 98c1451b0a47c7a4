using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

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
