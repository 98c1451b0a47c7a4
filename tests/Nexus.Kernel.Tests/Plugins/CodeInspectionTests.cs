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
    public void A_method_that_cannot_be_read_is_named_and_the_others_are_still_read()
    {
        var assembly = PluginCompiler.Compile(folder, "Plugin", "namespace Shop; public class Thing { int First() => 305419896; void Second() => File.Delete(\"x\"); }");
        Change(assembly, [0x20, 0x78, 0x56, 0x34, 0x12], [0x24]);

        Assert.Equal(["process code that cannot be read in Shop.Thing.First", "file System.IO.File.Delete in Shop.Thing.Second"], Found());
    }

    // `br.s` over one byte that reads as the start of a long constant: who reads from top to bottom takes the call for the constant's bytes.
    [Fact]
    public void A_call_behind_a_jump_into_the_middle_of_an_instruction_hides_nothing()
    {
        var assembly = PluginCompiler.Compile(folder, "Plugin", "namespace Shop; public class Thing { static long Count; void Run() { Count = 0x0102030405060708; File.Delete(\"x\"); } }");
        Change(assembly, [0x21, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01], [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2B, 0x01, 0x21]);

        Assert.Equal(["process code that cannot be read in Shop.Thing.Run"], Found());
    }

    [Fact]
    public void An_assembly_whose_tables_cannot_be_read_is_named()
    {
        var assembly = PluginCompiler.Compile(folder, "Plugin", "namespace Shop; public class Thing { void Run() => File.Delete(\"x\"); }");
        Change(assembly, "BSJB"u8.ToArray(), "BSJA"u8.ToArray());

        Assert.Equal(["process code that cannot be read in its headers or tables"], Found());
    }

    [Fact]
    public void No_damage_to_an_assembly_ends_the_inspection()
    {
        var assembly = PluginCompiler.Compile(folder, "Plugin", "namespace Shop; public class Thing { class Inner { async Task RunAsync() { await File.WriteAllTextAsync(\"a\", \"b\"); } } T Go<T>(Func<T> f) { switch (f()) { case 1: case 2: case 3: case 4: Directory.Delete(\"x\"); break; } return Go(f); } }");
        var (bytes, random, told) = (File.ReadAllBytes(assembly), new Random(4), 0);
        for (var n = 0; n < 3000; n++)
        {
            var changed = (byte[])bytes.Clone();
            for (var count = random.Next(1, 8); count > 0; count--)
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(assembly, changed);
            told += CodeInspection.Inspect(folder).Any(f => f.Member == "code that cannot be read") ? 1 : 0;
        }

        Assert.InRange(told, 300, 2700);
    }

    [Fact]
    public async Task A_package_with_code_that_cannot_be_read_is_refused_where_code_is_checked()
    {
        const string source = """
            public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) { } public int Run() => 305419896; public object Text(string path) => new StreamReader(path.Length > 0 ? new MemoryStream() : Stream.Null); public object Time() => System.Diagnostics.Process.GetCurrentProcess(); public void Go() => System.IO.File.Delete("x"); }
            """;
        await using var host = new KernelHost(o => o.CodeCheck = CodeCheck.Refuse);
        var version = host.Version("runner", "1.0.0", source, m => m["permissions"] = new JsonArray(new JsonObject { ["name"] = "file", ["reason"] = "It deletes x." }));
        Change(Path.Combine(version, "Plugin.dll"), [0x20, 0x78, 0x56, 0x34, 0x12], [0x24]);

        var refused = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(version)));

        Assert.Equal("CAPABILITY_DENIED", refused.Code);
        Assert.Contains("runner uses code that cannot be read in ThePlugin.Run (Plugin.dll), which needs process", refused.Message, StringComparison.Ordinal);
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

    private static void Change(string assembly, byte[] from, byte[] to)
    {
        var bytes = File.ReadAllBytes(assembly);
        var at = bytes.AsSpan().IndexOf(from);
        Assert.True(at > 0);
        to.CopyTo(bytes, at);
        File.WriteAllBytes(assembly, bytes);
    }

    private string[] Found() => [.. CodeInspection.Inspect(folder).Select(f => $"{f.Capability} {f.Member} in {f.Location}")];
}
