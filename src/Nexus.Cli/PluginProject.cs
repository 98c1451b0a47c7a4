using System.Diagnostics;
using System.Text.Json;

namespace Nexus.Cli;

/// <summary>A plugin's project on disk: its folder has a manifest and one project file.</summary>
internal sealed class PluginProject
{
    private string? compiler;
    private string? responseFile;
    private string? compiled;
    private string[] sources = [];

    private PluginProject(string folder, string project) => (Folder, ProjectFile) = (folder, project);

    public string Folder { get; }

    public string ProjectFile { get; }

    /// <summary>Folder of the built plugin, known after a build.</summary>
    public string Output { get; private set; } = "";

    /// <summary>The plugin project in a folder, or in its <c>src</c>.</summary>
    public static PluginProject Find(string folder) => TryFind(folder)
        ?? throw new CliException($"nexus: {folder} (and its src) has no manifest.json with a project file beside it; 'nexus new plugin NAME' makes one.", ExitCodes.Usage);

    /// <summary>The same, or null.</summary>
    public static PluginProject? TryFind(string folder)
    {
        foreach (var place in new[] { folder, Path.Combine(folder, "src") })
            if (File.Exists(Path.Combine(place, "manifest.json")) && Directory.GetFiles(place, "*.csproj") is [var project])
                return new PluginProject(place, project);
        return null;
    }

    /// <summary>A build to be packed.</summary>
    public async Task BuildReleaseAsync(CancellationToken cancellationToken)
    {
        var answer = await HostProgram.CaptureAsync("dotnet", ["msbuild", ProjectFile, "-restore", "-t:Build", "-v:q", "-nologo", "-p:Configuration=Release", "-getProperty:OutDir"], Folder, cancellationToken);
        Output = Path.GetFullPath(Path.Combine(Folder, answer.Trim().Split('\n')[^1].Trim().Replace('\\', '/')));
    }

    /// <summary>A whole build. It also asks MSBuild for the compiler's command line, so that the next builds need neither MSBuild nor a restore.</summary>
    public async Task BuildAsync(CancellationToken cancellationToken)
    {
        var answer = await HostProgram.CaptureAsync("dotnet", ["msbuild", ProjectFile, "-restore", "-t:Rebuild", "-v:q", "-nologo", "-p:Configuration=Debug", "-p:ProvideCommandLineArgs=true", "-getItem:CscCommandLineArgs", "-getProperty:OutDir,RoslynTargetsPath,TargetFileName"], Folder, cancellationToken);
        using var json = JsonDocument.Parse(answer[answer.IndexOf('{', StringComparison.Ordinal)..]);
        var properties = json.RootElement.GetProperty("Properties");
        Output = Path.GetFullPath(Path.Combine(Folder, properties.GetProperty("OutDir").GetString()!.Replace('\\', '/')));
        var arguments = json.RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray().Select(a => a.GetProperty("Identity").GetString()!).ToList();
        compiled = arguments.FirstOrDefault(a => a.StartsWith("/out:", StringComparison.Ordinal))?[5..].Trim('"');
        compiler = Path.Combine(properties.GetProperty("RoslynTargetsPath").GetString()!, "bincore", "csc.dll");
        sources = Sources();
        responseFile = Path.Combine(Folder, "obj", "nexus-dev.rsp");
        await File.WriteAllLinesAsync(responseFile, arguments.Where(a => a != "/noconfig"), cancellationToken);
    }

    /// <summary>Compiles only, by the resident compiler: changed sources in known files. False when a whole build is needed.</summary>
    public async Task<bool> CompileAsync(CancellationToken cancellationToken)
    {
        // Editors save by writing another file and renaming it, so the set of files decides, not the kind of notice.
        if (compiler is null || responseFile is null || compiled is null || !File.Exists(compiler) || !Sources().SequenceEqual(sources)) return false;
        await HostProgram.CaptureAsync("dotnet", ["exec", compiler, "/noconfig", "/shared", "/keepalive:900", $"@{responseFile}"], Folder, cancellationToken);
        File.Copy(Path.Combine(Folder, compiled), Path.Combine(Output, Path.GetFileName(compiled)), overwrite: true);
        return true;
    }

    private string[] Sources() => [.. Directory.EnumerateFiles(Folder, "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.StartsWith(Path.Combine(Folder, "bin"), StringComparison.Ordinal) && !f.StartsWith(Path.Combine(Folder, "obj"), StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)];
}
