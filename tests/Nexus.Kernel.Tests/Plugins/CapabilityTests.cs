using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Kernel.Events;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Kernel.Services;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>What plugins may use, as manifests ask and operators decide.</summary>
public sealed class CapabilityTests : IDisposable
{
    /// <summary>Answers what came of one use of each port, by its name in the query.</summary>
    private const string Source = """
        using System.Net.Http; using System.Text.Json.Nodes;
        public sealed record Note : Resource { public string Text { get; set; } = ""; }
        public sealed class ThePlugin : IPlugin
        {
            private static readonly TaskCompletionSource Entered = new(), Go = new();
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Note>("notes", n => { });
                plugin.MapEndpoints(r => r.MapGet("/", async (HttpContext context) =>
                {
                    var s = context.RequestServices;
                    string text;
                    try { text = await UseAsync(s, context.Request.Query["use"].ToString(), context.Request.Query["url"].ToString()); }
                    catch (NexusException e) { text = e.Code + ": " + e.Message; }
                    await context.Response.WriteAsync(text);
                }));
            }
            private static async Task<string> UseAsync(IServiceProvider s, string use, string url)
            {
                switch (use)
                {
                    case "read": await s.GetRequiredService<IDocuments>().FindAsync("a"); break;
                    case "write": await s.GetRequiredService<IDocuments>().CommitAsync([new DocumentWrite("a", JsonValue.Create(1))]); break;
                    case "query": await s.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT 1"); break;
                    case "execute": await s.GetRequiredService<ISqlDatabase>().WriteAsync<int>(async (session, t) => await session.ExecuteAsync("CREATE TABLE IF NOT EXISTS t (a INTEGER)")); break;
                    case "open": await s.GetRequiredService<IBlobs>().OpenAsync(new string('0', 64)); break;
                    case "put": await s.GetRequiredService<IBlobs>().PutAsync(new MemoryStream(new byte[100])); break;
                    case "list": await s.GetRequiredService<IRepository<Note>>().ListAsync(new ResourceQuery()); break;
                    case "create": await s.GetRequiredService<IRepository<Note>>().CreateAsync(new Note { Text = "x" }); break;
                    case "publish": await s.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "things.happened" }); break;
                    case "unit": await s.GetRequiredService<IUnitOfWork>().RunAsync<int>(t => new(1)); break;
                    case "unit-held":
                        await s.GetRequiredService<IUnitOfWork>().RunAsync<int>(async t =>
                        {
                            await s.GetRequiredService<IDocuments>().CommitAsync([new DocumentWrite("held", JsonValue.Create(1))]);
                            Entered.SetResult();
                            await Go.Task;
                            return 1;
                        });
                        break;
                    case "go": await Entered.Task; Go.SetResult(); break;
                    case "entered": await Entered.Task; break;
                    case "held": return (await s.GetRequiredService<IDocuments>().FindAsync("held"))?.Revision.ToString() ?? "nothing";
                    case "subscribe": s.GetRequiredService<IEvents>().Subscribe(new SubscriptionDescriptor { Pattern = "things.happened", Group = "g", Durable = false, Handle = (_, _, _) => default }).Dispose(); break;
                    case "services": s.GetRequiredService<IServices>(); break;
                    case "http": return await s.GetRequiredService<IHttpClientFactory>().CreateClient().GetStringAsync(url);
                    case "http-named": return await s.GetRequiredService<IHttpClientFactory>().CreateClient("own").GetStringAsync(url);
                }
                return "done";
            }
        }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-capabilities-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("read", "database.read")]
    [InlineData("query", "database.read")]
    [InlineData("open", "database.read")]
    [InlineData("write", "database.write")]
    [InlineData("execute", "database.write")]
    [InlineData("put", "database.write")]
    [InlineData("unit", "database.write")]
    [InlineData("publish", "events.publish")]
    [InlineData("subscribe", "events.subscribe")]
    public async Task A_denied_capability_is_refused_at_its_port_at_the_next_use_and_audited(string use, string capability)
    {
        var trail = new RecordingTrail();
        await using var host = await StartAsync(trail: trail);
        var before = await host.CallAsync("probe", $"?use={use}");

        await DecideAsync(host, deny: capability);
        if (use == "unit") await DecideAsync(host, deny: "events.publish");
        var denied = await host.CallAsync("probe", $"?use={use}");
        await DecideAsync(host, grant: capability);
        var after = await host.CallAsync("probe", $"?use={use}");

        Assert.Equal(("done", "done"), (before, after));
        Assert.Equal($"CAPABILITY_DENIED: probe may not use {capability}: an operator denied it. `nexus plugin grant probe {capability}` allows it again.", denied);
        var entry = Assert.Single(trail.Entries, e => e.Action == "platform.plugin.capability_denied");
        Assert.Equal(("plugins/probe", AuditResult.Denied), (entry.Subject, entry.Result));
        Assert.Equal(capability, (string?)JsonNode.Parse(entry.Detail.Span)!["capability"]);
    }

    [Fact]
    public async Task A_unit_of_work_whose_right_is_revoked_while_it_runs_writes_nothing()
    {
        await using var host = await StartAsync();
        var unit = host.CallAsync("probe", "?use=unit-held");
        await host.CallAsync("probe", "?use=entered");

        await DecideAsync(host, revoke: "database.write");
        await host.CallAsync("probe", "?use=go");

        Assert.StartsWith("CAPABILITY_DENIED: probe may not use database.write", await unit, StringComparison.Ordinal);
        Assert.Equal("nothing", await host.CallAsync("probe", "?use=held"));
    }

    [Fact]
    public async Task A_plugin_whose_routes_are_revoked_answers_none_and_others_do()
    {
        await using var host = await StartAsync();
        await host.RunAsync(new PluginCommand.Install(host.Version("other", "1.0.0", PluginCompiler.Answering("other"))));

        await DecideAsync(host, revoke: "api.register");

        Assert.Equal("CAPABILITY_DENIED", (await Assert.ThrowsAsync<NexusException>(() => host.CallAsync("probe"))).Code);
        Assert.Equal("other", await host.CallAsync("other"));
    }

    [Fact]
    public async Task Other_hosts_are_out_of_reach_without_asking_and_a_revocation_counts_at_the_next_call()
    {
        using var server = new OneLineServer();
        await using (var silent = await StartAsync(o => o.Outbound.Allowed.Add("127.0.0.1")))
        {
            Assert.StartsWith("CAPABILITY_DENIED: probe may not use http.external: its manifest does not ask for it.", await silent.CallAsync("probe", $"?use=http&url={server.Address}"), StringComparison.Ordinal);
            await silent.RunAsync(new PluginCommand.Remove("probe"));
            await silent.RunAsync(new PluginCommand.Install(silent.Version("probe", "1.1.0", Source, Asking)));

            var reached = await silent.CallAsync("probe", $"?use=http&url={server.Address}");
            await DecideAsync(silent, revoke: "http.external");
            var revoked = await silent.CallAsync("probe", $"?use=http&url={server.Address}");

            Assert.Equal("hello", reached);
            Assert.StartsWith("CAPABILITY_DENIED: probe may not use http.external: an operator denied it.", revoked, StringComparison.Ordinal);
        }

        // Stored: the decision outlives the node.
        await using var next = await NodeHost.StartAsync(folder, add: Add);
        Assert.StartsWith("CAPABILITY_DENIED", await next.CallAsync("probe", $"?use=http&url={server.Address}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("http-named")]
    public async Task A_plugin_that_may_call_other_hosts_still_cannot_reach_this_machine_or_its_networks(string use)
    {
        using var server = new OneLineServer();
        await using var host = await StartAsync(manifest: Asking, source: Source.Replace("plugin.AddResource", "plugin.Services.AddHttpClient(\"own\").ConfigurePrimaryHttpMessageHandler(() => new System.Net.Http.HttpClientHandler()); plugin.AddResource", StringComparison.Ordinal));

        foreach (var url in new[] { server.Address, server.Address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), server.Address.Replace("127.0.0.1", "[::ffff:127.0.0.1]", StringComparison.Ordinal), "http://169.254.169.254/latest/meta-data/" })
        {
            var answer = await host.CallAsync("probe", $"?use={use}&url={Uri.EscapeDataString(url)}");

            Assert.StartsWith("CAPABILITY_DENIED: ", answer, StringComparison.Ordinal);
            Assert.Contains("plugins may not connect there. If it is meant to be reached, name the host or its network under plugins.outbound.allowed.", answer, StringComparison.Ordinal);
        }

        Assert.Equal(0, server.Calls);
    }

    [Theory]
    [InlineData("127.0.0.1", "loopback")]
    [InlineData("::1", "loopback")]
    [InlineData("::ffff:10.1.2.3", "a private network")]
    [InlineData("64:ff9b::7f00:1", "loopback")]
    [InlineData("2002:c0a8:0101::1", "a private network")]
    [InlineData("2001:0:53aa:64c:0:0:3f57:fffe", "a private network")]
    [InlineData("::127.0.0.1", "loopback")]
    [InlineData("0.0.0.0", "this host")]
    [InlineData("::", "this host")]
    [InlineData("169.254.169.254", "link-local")]
    [InlineData("fe80::1", "link-local")]
    [InlineData("fd00::1", "a private network")]
    [InlineData("172.31.255.255", "a private network")]
    [InlineData("172.32.0.1", null)]
    [InlineData("100.64.0.1", "a carrier's network")]
    [InlineData("255.255.255.255", "reserved")]
    [InlineData("224.0.0.1", "multicast")]
    [InlineData("1.1.1.1", null)]
    [InlineData("2606:4700:4700::1111", null)]
    public void An_address_is_judged_by_what_it_reaches(string address, string? why) =>
        Assert.Equal(why, new OutboundTargets(new PluginOutboundOptions()).Why("example.org", IPAddress.Parse(address)));

    [Fact]
    public void What_an_operator_allows_can_be_reached()
    {
        var options = new PluginOutboundOptions();
        foreach (var allowed in new[] { "intranet.example", "10.1.0.0/16", "127.0.0.1" }) options.Allowed.Add(allowed);
        var targets = new OutboundTargets(options);

        Assert.Null(targets.Why("intranet.example", IPAddress.Parse("192.168.1.1")));
        Assert.Null(targets.Why("x", IPAddress.Parse("10.1.2.3")));
        Assert.Null(targets.Why("x", IPAddress.Parse("::ffff:127.0.0.1")));
        Assert.NotNull(targets.Why("x", IPAddress.Parse("10.2.0.1")));
    }

    [Fact]
    public async Task In_strict_mode_a_plugin_has_only_what_it_asks_for()
    {
        await using var host = await StartAsync(o => o.StrictCapabilities = true, manifest: m => m["permissions"] = new JsonArray(Asked("api.register"), Asked("database.read")));

        Assert.Equal("done", await host.CallAsync("probe", "?use=read"));
        Assert.StartsWith("CAPABILITY_DENIED: probe may not use database.write: its manifest does not ask for it.", await host.CallAsync("probe", "?use=write"), StringComparison.Ordinal);
        var permissions = await host.Services.GetRequiredService<IPluginPermissions>().GetAsync(host.Status("probe").Manifest!, TestContext.Current.CancellationToken);
        Assert.Equal(["api.register", "database.read"], permissions.Granted);
    }

    [Fact]
    public async Task Quotas_are_refused_when_they_are_used_up_and_calls_come_back_with_the_next_minute()
    {
        var clock = new ShiftedClock();
        await using var host = await StartAsync(o => o.Quotas["probe"] = new PluginQuota { ApiCallsPerMinute = 5, EventsPerMinute = 2, StorageBytes = 250 }, clock: clock);

        Assert.Equal(("done", "done"), (await host.CallAsync("probe", "?use=publish"), await host.CallAsync("probe", "?use=publish")));
        Assert.Equal("QUOTA_EXCEEDED: probe has published 2 events within a minute, which is its quota.", await host.CallAsync("probe", "?use=publish"));
        Assert.Equal(("done", "done"), (await host.CallAsync("probe", "?use=put"), await host.CallAsync("probe", "?use=put")));
        var refused = await Assert.ThrowsAsync<NexusException>(() => host.CallAsync("probe"));
        clock.Shift = TimeSpan.FromMinutes(1);

        Assert.Equal(("QUOTA_EXCEEDED", "probe has answered 5 calls within a minute, which is its quota."), (refused.Code, refused.Message));
        Assert.Equal("QUOTA_EXCEEDED: probe stores 200 bytes; 100 more exceed its quota of 250.", await host.CallAsync("probe", "?use=put"));
        Assert.Equal("done", await host.CallAsync("probe", "?use=publish"));
    }

    [Fact]
    public async Task A_capability_that_there_is_none_of_is_refused_with_what_there_is()
    {
        await using var host = await StartAsync();

        var error = await Assert.ThrowsAsync<NexusException>(() => DecideAsync(host, grant: "http.externl"));

        Assert.Equal("VALIDATION_ERROR", error.Code);
        Assert.Contains("did you mean 'http.external'?", error.Errors[0].Message, StringComparison.Ordinal);
    }

    private static void Asking(JsonObject manifest) => manifest["permissions"] = new JsonArray(Asked("http.external"));

    private static JsonObject Asked(string name) => new() { ["name"] = name, ["reason"] = "The test needs it." };

    private static async Task DecideAsync(KernelHost host, string? grant = null, string? deny = null, string? revoke = null) =>
        await host.Services.GetRequiredService<IPluginPermissions>().ChangeAsync(host.Status("probe").Manifest!, new PermissionChange(grant is null ? [] : [grant], deny is null ? [] : [deny], revoke is null ? [] : [revoke]), TestContext.Current.CancellationToken);

    private static void Add(IServiceCollection services) => services.AddNexusEvents().AddNexusServices();

    private async Task<KernelHost> StartAsync(Action<PluginsOptions>? configure = null, Action<JsonObject>? manifest = null, string source = Source, RecordingTrail? trail = null, TimeProvider? clock = null)
    {
        var host = await NodeHost.StartAsync(folder, configure, services =>
        {
            Add(services);
            if (trail is not null) services.RemoveAll<IAuditTrail>().AddSingleton<IAuditTrail>(trail);
            if (clock is not null) services.RemoveAll<TimeProvider>().AddSingleton(clock);
        });
        await host.RunAsync(new PluginCommand.Install(host.Version("probe", "1.0.0", source, manifest)));
        return host;
    }

    /// <summary>The hour can be moved; timers run as ever, so that the kernel's own waits end. It stands in the middle of its minute.</summary>
    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 30, TimeSpan.Zero) + Shift;
    }

    private sealed class RecordingTrail : IAuditTrail
    {
        public System.Collections.Concurrent.ConcurrentQueue<AuditEntry> Entries { get; } = [];

        public bool IsKept => false;

        public ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
        {
            Entries.Enqueue(entry);
            return default;
        }
    }

    /// <summary>Answers every connection with one word.</summary>
    private sealed class OneLineServer : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private int calls;

        public OneLineServer()
        {
            listener.Start();
            _ = ServeAsync();
        }

        public string Address => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";

        public int Calls => Volatile.Read(ref calls);

        public void Dispose() => listener.Stop();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await listener.AcceptTcpClientAsync();
                    Interlocked.Increment(ref calls);
                    await AnswerAsync(client);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Stopped.
            }
        }

        private static async Task AnswerAsync(TcpClient client)
        {
            try
            {
                var stream = client.GetStream();
                var read = await stream.ReadAsync(new byte[4096]);
                if (read > 0) await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"));
            }
            catch (IOException)
            {
                // One that left; the next is answered.
            }
        }
    }
}
