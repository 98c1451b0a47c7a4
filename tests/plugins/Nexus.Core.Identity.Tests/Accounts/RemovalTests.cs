using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Tests.Accounts;

public sealed class RemovalTests
{
    [Fact]
    public async Task With_an_account_go_its_second_factor_passkeys_consents_and_links_and_nobody_elses()
    {
        await using var node = await IdentityNode.StartAsync();
        var (ada, bob) = (await node.AddUserAsync("ada", "user"), await node.AddUserAsync("bob", "user"));
        var tree = node.Get<Tree>();
        foreach (var id in new[] { ada, bob })
            await tree.CommitAsync("default", [new($"second-factors/{id}", 1), new($"passkeys/{id}/h{id}", 1), new($"passkey-ids/h{id}", id), new($"consents/{id}/app", 1), new($"external/e{id}", new JsonObject { ["user"] = id })]);

        Assert.Equal(204, (await node.SendAsync(HttpMethod.Delete, "/api/v1/users/ada", node.Admin)).Status);

        var left = (await node.Host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, Limit = 1000 }, default)).Records;
        Assert.DoesNotContain(left, r => r.Id.Contains(ada, StringComparison.Ordinal));
        Assert.Equal(6, left.Count(r => r.Id.Contains(bob, StringComparison.Ordinal)));
    }
}
