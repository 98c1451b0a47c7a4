using System.Diagnostics;
using System.Runtime.InteropServices;
using Nexus.Data.Protection.Pkcs11;

namespace Nexus.Data.Tests.Protection;

/// <summary>Tokens of SoftHSM in a folder of their own. The library reads its settings once a process, so they are made before it is loaded.</summary>
public sealed class SoftToken : IDisposable
{
    public const string Pin = "1234";

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-token-").FullName;

    public SoftToken()
    {
        if (Library is null || Program is null)
            return;
        var settings = Path.Combine(_folder, "softhsm2.conf");
        File.WriteAllText(settings, $"directories.tokendir = {_folder}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n");
        // Not Environment: that of the runtime is a copy, and the library reads the process's own.
        Assert.Equal(0, SetVariable("SOFTHSM2_CONF", settings, 1));
        foreach (var token in new[] { "nexus", "spare", "wrong-pin" })
            Assert.Equal(0, Run("--init-token", "--free", "--label", token, "--so-pin", "5678", "--pin", Pin));
    }

    private static string? Library { get; } = new[] { "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so" }.FirstOrDefault(File.Exists);

    private static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(p => Path.Combine(p, "softhsm2-util")).FirstOrDefault(File.Exists);

    /// <summary>Where the token is; ends the test where SoftHSM is not installed.</summary>
    internal static TokenOptions Options(string label, string token = "nexus", string pin = Pin)
    {
        Assert.SkipUnless(Library is not null && Program is not null, "softhsm2 is not installed (Debian: softhsm2)");
        return new TokenOptions(Library!, token, label, pin);
    }

    /// <summary>Imports a key from a file, as operators do.</summary>
    internal void Import(string label, byte[] bytes)
    {
        var file = Path.Combine(_folder, label);
        File.WriteAllBytes(file, bytes);
        Assert.Equal(0, Run("--import", file, "--aes", "--token", "nexus", "--pin", Pin, "--label", label, "--id", "01"));
    }

    private int Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SOFTHSM2_CONF"] = Path.Combine(_folder, "softhsm2.conf");
        using var process = Process.Start(start)!;
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        return process.ExitCode;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int SetVariable(string name, string value, int overwrite);
}
