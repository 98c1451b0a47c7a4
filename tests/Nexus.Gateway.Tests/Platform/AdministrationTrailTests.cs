using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Platform;

public sealed class AdministrationTrailTests
{
    [Fact]
    public async Task Each_operation_on_a_plugin_leaves_who_what_where_from_and_result()
    {
        var trail = new Trail();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IAuditTrail>(trail), kestrel: true);
        host.Client.DefaultRequestHeaders.UserAgent.ParseAdd("probe/1");
        host.Plugins.OnExecute = (command, _) => command is PluginCommand.Disable ? throw new NexusException(ErrorCodes.Conflict, "others need it") : Task.FromResult(new PluginStatus { Id = command.Id, Version = "2.0.0", State = PluginState.Active });

        await host.Client.PostAsync("/api/v1/plugins/a.b/enable", null);
        await host.Client.PostAsync("/api/v1/plugins/a.b/disable", null);
        using var streamed = new HttpRequestMessage(HttpMethod.Post, "/api/v1/plugins/a.b/reload") { Headers = { { "Accept", "application/x-ndjson" } } };
        await (await host.Client.SendAsync(streamed)).Content.ReadAsStringAsync();

        Assert.Equal(["platform.plugin.enabled Success", "platform.plugin.disabled Failure", "platform.plugin.reloaded Success"], trail.Entries.Select(e => $"{e.Action} {e.Result}"));
        Assert.All(trail.Entries, e => Assert.Equal(("plugins/a.b", "127.0.0.1", "probe/1", false), (e.Subject, e.Address, e.UserAgent, string.IsNullOrEmpty(e.Actor))));
        Assert.Equal("""{"oldVersion":null,"newVersion":"2.0.0"}""", Encoding.UTF8.GetString(trail.Entries[0].Detail.Span));
        Assert.Contains("\"code\":\"CONFLICT\"", Encoding.UTF8.GetString(trail.Entries[1].Detail.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_of_settings_leaves_old_and_new_value_and_no_secret()
    {
        var trail = new Trail();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IAuditTrail>(trail).AddSingleton<ISettings>(new Settings()));

        using var body = new StringContent("""{"server":{"port":9000},"mail":{"password":"hunter2"}}""", Encoding.UTF8, "application/json");
        Assert.True((await host.Client.PutAsync("/api/v1/config", body)).IsSuccessStatusCode);

        var entry = Assert.Single(trail.Entries);
        Assert.Equal(("platform.config.changed", "config", AuditResult.Success), (entry.Action, entry.Subject, entry.Result));
        Assert.Equal("""{"changes":{"mail.password":{"old":null,"new":"***"},"server.port":{"old":"8000","new":"9000"}},"restartRequired":true}""", Encoding.UTF8.GetString(entry.Detail.Span));
    }

    private sealed class Trail : IAuditTrail
    {
        public List<AuditEntry> Entries { get; } = [];

        public bool IsKept => true;

        public ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
        {
            Entries.Add(entry);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Settings : ISettings
    {
        private ImmutableArray<SettingValue> _values = [new("server:port", "8000", "default", false, true)];

        public ImmutableArray<SettingValue> Show() => _values;

        public Task<SettingsChange> StoreAsync(JsonObject patch, CancellationToken cancellationToken)
        {
            _values = [new("mail:password", (string?)patch["mail"]!["password"], "stored", false, false), new("server:port", "9000", "stored", false, true)];
            return Task.FromResult(new SettingsChange(["mail:password", "server:port"], true));
        }

        public Task<SettingsChange> StoreAsync(PluginManifest plugin, JsonObject patch, CancellationToken cancellationToken) => throw new NotSupportedException();

        public SettingsChange Reload() => throw new NotSupportedException();
    }
}
