using System.Text.Json.Nodes;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>What packages are seen to do before any of their code runs.</summary>
public sealed class CodeInspectionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-inspection-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("void Run() => System.Diagnostics.Process.Start(\"sh\");", "process System.Diagnostics.Process.Start in Shop.Thing.Run")]
    [InlineData("async Task RunAsync() { await Task.Yield(); await File.WriteAllTextAsync(\"a\", \"b\"); }", "file System.IO.File.WriteAllTextAsync in Shop.Thing.RunAsync")]
    [InlineData("Func<object> Run() => () => new System.Net.Http.HttpClient();", "http.external System.Net.Http.HttpClient.new in Shop.Thing.Run")]
    [InlineData("object Run() => new StreamReader(\"a.txt\");", "file System.IO.StreamReader.new in Shop.Thing.Run")]
    [InlineData("[System.Runtime.InteropServices.DllImport(\"libc\")] static extern int getpid();", "process native libc:getpid in Shop.Thing.getpid")]
    [InlineData("void Run() => System.Reflection.Assembly.LoadFrom(\"x.dll\");", "process System.Reflection.Assembly.LoadFrom in Shop.Thing.Run")]
    [InlineData("object Run() => new System.Net.Sockets.TcpClient();", "http.external System.Net.Sockets.TcpClient.new in Shop.Thing.Run")]
    [InlineData("void Run() => Environment.Exit(1);", "process System.Environment.Exit in Shop.Thing.Run")]
    [InlineData("static class Inner { static void Go(int n) { switch (n) { case 1: case 2: case 3: case 4: Directory.Delete(\"x\"); break; } } }", "file System.IO.Directory.Delete in Shop.Thing.Inner.Go")]
    public void What_reaches_around_the_ports_is_named_with_its_place(string member, string expected)
    {
        PluginCompiler.Compile(folder, "Plugin", $"namespace Shop; public class Thing {{ {member} }}");

        var finding = Assert.Single(CodeInspection.Inspect(folder));

        Assert.Equal(expected, $"{finding.Capability} {finding.Member} in {finding.Location}");
        Assert.Equal("Plugin.dll", finding.Assembly);
    }

    // The targets of a jump table are offsets, which read as instructions when its length is taken wrongly: each shape makes other ones.
    [Fact]
    public void What_stands_behind_a_jump_table_of_any_shape_is_found()
    {
        var methods = Enumerable.Range(0, 120).Select(n => $"static void Go{n}(int n) {{ switch (n) {{ case 0: {string.Concat(Enumerable.Repeat("n += 1000;", n))} break; case 1: n--; break; case 2: n = 3; break; case 3: n = 4; break; case 4: n = 5; break; }} File.Delete(\"x\"); }}");
        PluginCompiler.Compile(folder, "Plugin", $"namespace Shop; public class Thing {{ {string.Concat(methods)} }}");

        Assert.Equal(120, CodeInspection.Inspect(folder).Length);
    }

    [Fact]
    public void What_goes_through_the_ports_is_not()
    {
        PluginCompiler.Compile(folder, "Plugin", """
            namespace Shop;
            public class Thing(System.Net.Http.IHttpClientFactory clients, IDocuments documents)
            {
                public async Task<string> RunAsync() { await documents.FindAsync("a"); using var reader = new StreamReader(new MemoryStream()); return await clients.CreateClient("own").GetStringAsync("https://example.org") + reader.ReadToEnd() + Path.Combine("a", "b") + System.Diagnostics.Process.GetCurrentProcess().Id; }
            }
            """);

        Assert.Empty(CodeInspection.Inspect(folder));
    }

    [Fact]
    public async Task A_package_that_does_what_its_manifest_does_not_ask_for_is_warned_of_or_refused()
    {
        const string source = """
            public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) { } public void Run() => System.Diagnostics.Process.Start("sh"); }
            """;
        await using var warning = new KernelHost();
        await using var refusing = new KernelHost(o => o.CodeCheck = CodeCheck.Refuse);

        var warned = await warning.RunAsync(new PluginCommand.Install(warning.Version("runner", "1.0.0", source)));
        var refused = await Assert.ThrowsAsync<NexusException>(() => refusing.RunAsync(new PluginCommand.Install(refusing.Version("runner", "1.0.0", source))));
        var asking = await refusing.RunAsync(new PluginCommand.Install(refusing.Version("runner", "1.1.0", source, m => m["permissions"] = new JsonArray(new JsonObject { ["name"] = "process", ["reason"] = "It starts sh." }))));

        const string told = "runner uses System.Diagnostics.Process.Start in ThePlugin.Run (Plugin.dll), which needs process";
        Assert.Equal(PluginState.Active, warned.State);
        Assert.Contains(told, warned.Warning, StringComparison.Ordinal);
        Assert.Equal("CAPABILITY_DENIED", refused.Code);
        Assert.Contains(told, refused.Message, StringComparison.Ordinal);
        Assert.Equal((PluginState.Active, null), (asking.State, asking.Warning));
    }
}
