using System.Net;
using System.Net.Http.Json;
using Nexus.Testing;

namespace MyPlugin.Tests;

public sealed class MyPluginPluginTests
{
    [Fact]
    public async Task It_says_hello()
    {
        await using var host = await PluginTestHost.StartAsync<MyPluginPlugin>();

        Assert.Equal("Hello, Ada!", await host.Client.GetStringAsync($"{host.Prefix}/hello/Ada"));
    }

    [Fact]
    public async Task A_note_that_is_created_can_be_read()
    {
        await using var host = await PluginTestHost.StartAsync<MyPluginPlugin>();

        var created = await host.Client.PostAsJsonAsync($"{host.Prefix}/notes/", new { text = "Buy milk" });
        var read = await host.Client.GetStringAsync(created.Headers.Location);

        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Contains("Buy milk", read);
    }
}
