using System.Net;

namespace Nexus.EndToEnd.Tests;

/// <summary>An author's way from a template to a registry, and an operator's way from there to a running plugin.</summary>
public sealed class AuthorCommandTests
{
    [Fact]
    public async Task From_init_over_a_registry_to_an_installed_plugin_every_command_exits_0()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-author-").FullName;
        try
        {
            using var registry = new StaticServer(Path.Combine(folder, "registry"));
            await using var host = await RunningHost.StartAsync([], [$"--plugins:registries:0={registry.Address}"]);
            var project = Directory.CreateDirectory(Path.Combine(folder, "notes")).FullName;

            await RunAsync(host, project, "plugin", "init", "shop.notes", "-t", "business");
            var built = await RunAsync(host, project, "plugin", "build");
            await RunAsync(host, project, "plugin", "test");
            await RunAsync(host, project, "plugin", "package", "-o", Path.Combine(folder, "notes.nxp"));
            await RunAsync(host, project, "plugin", "validate", Path.Combine(folder, "notes.nxp"));
            await RunAsync(host, project, "plugin", "publish", Path.Combine(folder, "notes.nxp"), "--registry", registry.Folder);
            var searched = await RunAsync(host, project, "plugin", "search", "hello", "--category", "business");
            var listed = await RunAsync(host, project, "plugin", "repositories");
            await RunAsync(host, project, "plugin", "install", "shop.notes@0.1.0");
            var answer = await host.Client.GetStringAsync("/api/business/notes/hello/Ada");

            Assert.True(File.Exists(Path.Combine(built.Trim().Split('\n')[^1], "Notes.dll")), built);
            Assert.Contains("shop.notes\t0.1.0\tBusiness", searched, StringComparison.Ordinal);
            Assert.Contains($"{registry.Address}\t1", listed, StringComparison.Ordinal);
            Assert.Equal("Hello, Ada!", answer);

            // The same plugin from its address, and from a repository of its source.
            await RunAsync(host, project, "plugin", "remove", "shop.notes");
            await RunAsync(host, project, "plugin", "install", $"{registry.Address}shop.notes-0.1.0.nxp");
            await RunAsync(host, project, "plugin", "remove", "shop.notes");
            foreach (var git in new[] { "init -q -b main", "add -A", "-c user.name=Ada -c user.email=ada@example.org commit -q -m first" })
            {
                var done = await Programs.RunAsync("git", git.Split(' '), project);
                Assert.True(done.ExitCode == 0, done.Errors);
            }

            await RunAsync(host, folder, "plugin", "install", $"git+file://{project}@main");
            Assert.Equal("Hello, Ada!", await host.Client.GetStringAsync("/api/business/notes/hello/Ada"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("plugin init Not_An_Id", 64)]
    [InlineData("plugin create shop.notes -t no-such-template", 64)]
    [InlineData("plugin build /no/such/folder", 64)]
    [InlineData("plugin test /no/such/folder", 64)]
    [InlineData("plugin package /no/such/folder", 65)]
    [InlineData("plugin publish /no/such/file.nxp", 64)]
    [InlineData("plugin publish /no/such/file.nxp --registry https://example.org", 64)]
    [InlineData("plugin install no.such.plugin", 1)]
    [InlineData("plugin install git+ftp://example.org/x", 64)]
    [InlineData("plugin search --min-rating much", 64)]
    [InlineData("plugin search --category nonsense", 1)]
    [InlineData("plugin rollout hello", 64)]
    public async Task A_wrong_use_says_so_and_exits_otherwise(string command, int expected)
    {
        await using var host = await RunningHost.StartAsync();

        var (exitCode, output, errors) = await Programs.CliAsync(host, command.Split(' '));

        Assert.True(exitCode == expected, $"exit {exitCode}\n{output}\n{errors}");
        Assert.NotEqual("", errors.Trim() + output.Trim());
    }

    private static async Task<string> RunAsync(RunningHost host, string folder, params string[] arguments)
    {
        var (exitCode, output, errors) = await Programs.RunAsync("dotnet", [Programs.Cli, .. arguments], folder, new Dictionary<string, string> { ["NEXUS_URL"] = host.Address.ToString(), ["NEXUS_HOST_ROOT"] = Programs.Root });
        Assert.True(exitCode == 0, $"nexus {string.Join(' ', arguments)}: exit {exitCode}\n{output}\n{errors}\n{host.Log}");
        return output;
    }

    /// <summary>A web server that knows nothing but files, as a registry needs.</summary>
    private sealed class StaticServer : IDisposable
    {
        private readonly HttpListener listener = new();

        public StaticServer(string folder)
        {
            Folder = Directory.CreateDirectory(folder).FullName;
            Address = $"http://127.0.0.1:{RunningHost.FreePort()}/";
            listener.Prefixes.Add(Address);
            listener.Start();
            _ = ServeAsync();
        }

        public string Folder { get; }

        public string Address { get; }

        public void Dispose() => listener.Close();

        private async Task ServeAsync()
        {
            while (listener.IsListening)
            {
                try
                {
                    var context = await listener.GetContextAsync();
                    var file = Path.Combine(Folder, Path.GetFileName(context.Request.Url!.LocalPath));
                    if (File.Exists(file)) await context.Response.OutputStream.WriteAsync(await File.ReadAllBytesAsync(file));
                    else context.Response.StatusCode = 404;
                    context.Response.Close();
                }
                catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
                {
                    // The test is over, or a client hung up.
                }
            }
        }
    }
}
