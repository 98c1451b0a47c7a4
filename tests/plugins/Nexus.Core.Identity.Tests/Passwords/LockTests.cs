using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Tests.Foreign;

namespace Nexus.Core.Identity.Tests.Passwords;

public sealed class LockTests
{
    [Fact]
    public async Task A_restart_opens_no_locked_account_and_no_locked_name_without_one()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-locks-").FullName;
        await using (var before = await RunningNexus.StartAsync(kept: folder))
        {
            await before.AddUserAsync("ada", "ada@example.com");
            await before.AddUserAsync("bob", "bob@example.com");
            foreach (var name in (string[])["ada", "nobody"])
                for (var i = 0; i < 5; i++) Assert.Equal(401, await LoginAsync(before, name, "wrong"));
        }

        await using (var after = await RunningNexus.StartAsync(kept: folder))
        {
            Assert.Equal(423, await LoginAsync(after, "ada", RunningNexus.Password));
            Assert.Equal(423, await LoginAsync(after, "nobody", RunningNexus.Password));
            Assert.Equal(200, await LoginAsync(after, "bob", RunningNexus.Password));
            Assert.True(await after.Get<Lockouts>().UnlockAsync(after.Get<UserDirectory>().FindByLogin("default", "ada")!.Place));
        }

        await using (var opened = await RunningNexus.StartAsync(kept: folder))
            Assert.Equal(200, await LoginAsync(opened, "ada", RunningNexus.Password));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Locks_are_stored_only_while_they_hold_and_name_nothing_that_was_typed()
    {
        var clock = new ShiftedClock();
        await using var node = await IdentityNode.StartAsync(options => options.Clock = clock);
        for (var i = 0; i < 4; i++) await node.LoginAsync("my-secret-typed-here", "wrong");
        Assert.Empty(await StoredAsync(node));

        await node.LoginAsync("my-secret-typed-here", "wrong");
        var stored = Assert.Single(await StoredAsync(node));
        Assert.DoesNotContain("my-secret", stored, StringComparison.Ordinal);

        clock.Advance(TimeSpan.FromMinutes(14));
        await node.Get<Lockouts>().SweepAsync(default);
        Assert.Single(await StoredAsync(node));
        clock.Advance(TimeSpan.FromMinutes(2));
        await node.Get<Lockouts>().SweepAsync(default);
        Assert.Empty(await StoredAsync(node));
        Assert.Equal(0, node.Get<Lockouts>().Count);
    }

    private static async Task<string[]> StoredAsync(IdentityNode node)
    {
        var page = await node.Host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, Limit = 1000 }, default);
        return [.. page.Records.Where(r => r.Id.Contains("/locks/", StringComparison.Ordinal)).Select(r => r.Id + System.Text.Encoding.UTF8.GetString(r.Json.Span))];
    }

    private static async Task<int> LoginAsync(RunningNexus nexus, string username, string password) =>
        (int)(await nexus.Client.PostAsJsonAsync("/login", new { username, password })).StatusCode;
}
