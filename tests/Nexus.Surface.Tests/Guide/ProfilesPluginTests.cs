using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Surface.Tests.Guide;

public sealed class ProfilesPluginTests
{
    [Fact]
    public async Task Reading_a_card_makes_its_documented_key_and_a_change_of_it_removes_it()
    {
        await using var host = await PluginTestHost.StartAsync<ProfilesPlugin>();
        await host.Client.PutAsync($"{host.Prefix}/cards/123?name=Ada", null);

        Assert.Equal("Ada", await host.Client.GetStringAsync($"{host.Prefix}/cards/123"));
        Assert.Equal(1, await ClearAsync(host, "nexus:user:profile:123:v1"));
        Assert.Equal("Ada", await host.Client.GetStringAsync($"{host.Prefix}/cards/123"));
        await host.Client.PutAsync($"{host.Prefix}/cards/123?name=Grace", null);
        Assert.Equal(0, await ClearAsync(host, "nexus:user:profile:123:v1"));
        Assert.Equal("Grace", await host.Client.GetStringAsync($"{host.Prefix}/cards/123"));
    }

    [Fact]
    public async Task A_number_made_of_records_is_served_from_the_cache_until_a_record_is_written()
    {
        await using var host = await PluginTestHost.StartAsync<ProfilesPlugin>();

        await host.Client.GetStringAsync($"{host.Prefix}/count");
        using var hit = await host.Client.GetAsync($"{host.Prefix}/count");
        await host.Client.PostAsJsonAsync($"{host.Prefix}/profiles", new { name = "Ada" });
        using var changed = await host.Client.GetAsync($"{host.Prefix}/count");

        Assert.Equal(("HIT", "0"), (hit.Headers.GetValues("X-Cache").Single(), await hit.Content.ReadAsStringAsync()));
        Assert.Equal(("MISS", "1"), (changed.Headers.GetValues("X-Cache").Single(), await changed.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task The_front_page_is_there_before_the_first_request_and_visits_are_counted_and_written_behind()
    {
        await using var host = await PluginTestHost.StartAsync<ProfilesPlugin>();

        Assert.Equal(1, await ClearAsync(host, "nexus:user:page:front:v1"));
        await host.Client.PostAsync($"{host.Prefix}/visits/123", null);
        using var second = await host.Client.PostAsync($"{host.Prefix}/visits/123", null);
        Assert.Equal("2", await second.Content.ReadAsStringAsync());
        await host.Services.GetRequiredService<IPlugins>().ExecuteAsync(new PluginCommand.Disable("profiles"), null, CancellationToken.None);

        var stored = await host.Services.GetRequiredService<IStorage>().QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "plugins/custom/profiles/" }, CancellationToken.None);
        Assert.Contains("2", System.Text.Encoding.UTF8.GetString(stored.Records.Single(r => r.Id.Contains("visited", StringComparison.Ordinal)).Json.Span), StringComparison.Ordinal);
    }

    private static async Task<long> ClearAsync(PluginTestHost host, string pattern) => await host.Services.GetRequiredService<ICaches>().ClearAsync(pattern, null, CancellationToken.None);
}
