using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Tests.Packages;

namespace Nexus.Kernel.Tests.Settings;

/// <summary>Settings that an HTTP endpoint serves.</summary>
public sealed class RemoteSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Endpoint _endpoint = new();
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose()
    {
        _endpoint.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void They_stand_over_the_files_of_the_node_and_under_its_variables()
    {
        _endpoint.Serve("server:\n  port: 1003\n  host: 127.0.0.9\n");
        _variables["NEXUS_SERVER__HOST"] = "127.0.0.7";
        using var configuration = Load();

        Assert.Equal(("1003", "127.0.0.7"), (configuration.Root["server:port"], configuration.Root["server:host"]));
        Assert.Equal($"{_endpoint.Url}:2:9", configuration.Show().Single(v => v.Key == "server:port").Source);
    }

    [Fact]
    public async Task They_are_taken_over_when_they_change_and_the_last_good_ones_stay_when_they_are_wrong_or_away()
    {
        _endpoint.Serve("server:\n  allowedHosts: [a.test]\n");
        using var configuration = Load();
        var refused = new ConcurrentQueue<string>();
        configuration.Refused += e => refused.Enqueue(e.Message);
        configuration.Watch(TimeSpan.FromMilliseconds(100), TimeProvider.System);

        _endpoint.Serve("server:\n  allowedHosts: [b.test]\n");
        await UntilAsync(() => configuration.Root["server:allowedHosts:0"] == "b.test");
        _endpoint.Serve("server:\n  allowedHost: [c.test]\n");
        await UntilAsync(() => !refused.IsEmpty);
        var wrong = (configuration.Root["server:allowedHosts:0"], configuration.Reload().Keys.Length);
        _endpoint.Serve("""{ "server": { "allowedHosts": ["d.test"] } }""", "application/json");
        await UntilAsync(() => configuration.Root["server:allowedHosts:0"] == "d.test");
        _endpoint.Serve("", status: 500);
        await UntilAsync(() => refused.Count >= 2);

        Assert.Equal(("b.test", 0), wrong);
        Assert.Equal("d.test", configuration.Root["server:allowedHosts:0"]);
        Assert.Contains("allowedHost", refused.First(), StringComparison.Ordinal);
        Assert.Contains("it answered 500", refused.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public void Their_endpoint_is_told_who_asks_by_the_token_of_a_file()
    {
        _endpoint.Serve("{}", "application/json");
        var file = _folder.Write("token", "a-secret-token\n");
        using var configuration = Load($"  tokenFile: {file}\n");

        Assert.Equal("Bearer a-secret-token", _endpoint.Asked.Last());
    }

    [Theory]
    [InlineData("http://settings.test/nexus.yaml", "must be an https address")]
    [InlineData("https://user:word@settings.test/nexus.yaml", "without a password")]
    [InlineData("http://127.0.0.1:1/nexus.yaml", "cannot be read")]
    public void A_node_does_not_start_with_an_address_that_is_open_or_does_not_answer(string url, string says)
    {
        _folder.Write("nexus.yaml", $"remote:\n  url: {url}\n");

        var refused = Assert.Throws<NexusException>(() => NexusConfiguration.Load(Request()));

        Assert.Equal("/remote/url", Assert.Single(refused.Errors).Pointer);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void They_cannot_move_the_node_to_another_endpoint_or_read_its_variables()
    {
        _variables["SECRET"] = "hidden";
        _endpoint.Serve("remote:\n  url: https://elsewhere.test/\n");
        var moved = Assert.Throws<NexusException>(() => Load());
        _endpoint.Serve("server:\n  allowedHosts: [\"${SECRET}\"]\n");
        using var configuration = Load();

        Assert.Equal("/remote", Assert.Single(moved.Errors).Pointer);
        Assert.Equal("${SECRET}", configuration.Root["server:allowedHosts:0"]);
    }

    private NexusConfiguration Load(string more = "")
    {
        _folder.Write("nexus.yaml", $"remote:\n  url: {_endpoint.Url}\n  refreshSeconds: 1\n{more}server:\n  port: 1001\n");
        return NexusConfiguration.Load(Request());
    }

    private ConfigurationRequest Request() => new([], _variables, _folder.Path);

    private static async Task UntilAsync(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the settings did not come to what was expected");
            await Task.Delay(20);
        }
    }

    /// <summary>Serves one text on a free port of this machine.</summary>
    private sealed class Endpoint : IDisposable
    {
        private readonly HttpListener _listener;
        private volatile Tuple<string, string, int> _serves = Tuple.Create("", "application/yaml", 200);

        public Endpoint()
        {
            // A port that was free may be taken before it is opened.
            for (var attempt = 0; ; attempt++)
            {
                Url = $"http://127.0.0.1:{Random.Shared.Next(20_000, 60_000)}/";
                _listener = new HttpListener { Prefixes = { Url } };
                try
                {
                    _listener.Start();
                    break;
                }
                catch (HttpListenerException) when (attempt < 50)
                {
                    _listener.Close();
                }
            }

            _ = RunAsync();
        }

        public string Url { get; }

        public ConcurrentQueue<string> Asked { get; } = [];

        public void Serve(string text, string type = "application/yaml", int status = 200) => _serves = Tuple.Create(text, type, status);

        public void Dispose() => _listener.Close();

        private async Task RunAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    Asked.Enqueue(context.Request.Headers["Authorization"] ?? "");
                    var (text, type, status) = _serves;
                    (context.Response.StatusCode, context.Response.ContentType) = (status, type);
                    await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(text));
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
