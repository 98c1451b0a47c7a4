using System.Diagnostics;
using System.Runtime.InteropServices;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Native libraries that a plugin brings in its package.</summary>
public sealed class NativeLibraryTests : IDisposable
{
    private const string Source = """
        using System.Runtime.InteropServices;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/", () => Native.answer().ToString()));
        }
        public static class Native { [DllImport("nexusanswer")] public static extern int answer(); }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-native-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("runtimes/{rid}/native")]
    [InlineData("")]
    public async Task A_library_of_this_platform_is_found_in_the_package(string place)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/gcc"), "needs Linux and gcc to make a native library");
        await using var host = await NodeHost.StartAsync(folder);
        var version = host.Version("native", "1.0.0", Source);
        await CompileAsync(42, Path.Combine(version, place.Replace("{rid}", Rid, StringComparison.Ordinal)));
        // One of another platform lies beside it and must not be tried.
        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(version, "runtimes", "plan9-mips", "native")).FullName, "libnexusanswer.so"), "not a library", TestContext.Current.CancellationToken);

        await host.RunAsync(new PluginCommand.Install(version));

        Assert.Equal("42", await host.CallAsync("native"));
    }

    [Fact]
    public async Task Each_plugin_calls_the_library_that_it_brought()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/gcc"), "needs Linux and gcc to make a native library");
        await using var host = await NodeHost.StartAsync(folder);
        foreach (var (id, answer) in new[] { ("one", 1), ("two", 2) })
        {
            var version = host.Version(id, "1.0.0", Source);
            await CompileAsync(answer, Path.Combine(version, "runtimes", Rid, "native"));
            await host.RunAsync(new PluginCommand.Install(version));
        }

        Assert.Equal(("1", "2"), (await host.CallAsync("one"), await host.CallAsync("two")));
    }

    private static string Rid => $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    private async Task CompileAsync(int answer, string target)
    {
        Directory.CreateDirectory(target);
        var source = Path.Combine(folder, $"answer{answer}.c");
        await File.WriteAllTextAsync(source, $"int answer(void) {{ return {answer}; }}", TestContext.Current.CancellationToken);
        using var gcc = Process.Start("/usr/bin/gcc", ["-shared", "-fPIC", "-o", Path.Combine(target, "libnexusanswer.so"), source]);
        await gcc.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, gcc.ExitCode);
    }
}
