using System.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace Nexus.Architecture.Tests;

/// <summary>The pipeline is one script; what GitLab and GitHub run is that script's stages, in its order.</summary>
public sealed class PipelineTests
{
    private static readonly string[] Stages = ["build", "check", "test", "security", "package", "smoke"];

    [Fact]
    public void GitLab_runs_the_stages_of_the_script_in_their_order()
    {
        var file = Read(".gitlab-ci.yml");
        var jobs = file.Children.Where(c => c.Value is YamlMappingNode job && job.Children.ContainsKey("stage")).Select(c => (YamlMappingNode)c.Value).ToArray();

        Assert.Equal(Stages, Words(file.Children["stages"]));
        Assert.Equal(Stages, jobs.Select(job => (string)job.Children["stage"]!));
        Assert.Equal(Stages.Select(stage => $"./nexus ci {stage}"), jobs.SelectMany(job => Words(job.Children["script"])));
    }

    [Fact]
    public void GitHub_runs_the_stages_of_the_script_in_their_order()
    {
        var pipeline = (YamlMappingNode)((YamlMappingNode)Read(".github/workflows/ci.yml").Children["jobs"]).Children["pipeline"];
        var steps = ((YamlSequenceNode)pipeline.Children["steps"]).Cast<YamlMappingNode>().Where(step => step.Children.ContainsKey("run")).ToArray();

        Assert.Equal(Stages, steps.Select(step => (string)step.Children["name"]!));
        Assert.Equal(Stages.Select(stage => $"./nexus ci {stage}"), steps.Select(step => (string)step.Children["run"]!));
    }

    [Fact]
    public void The_script_has_each_stage_and_runs_them_in_their_order()
    {
        var script = File.ReadAllText(Path.Combine(Repository.Root, "build", "ci"));

        Assert.Contains($"stages=({string.Join(' ', Stages)})", script, StringComparison.Ordinal);
        Assert.All(Stages, stage => Assert.Contains($"\n{stage}() {{", script, StringComparison.Ordinal));
        Assert.Contains("  ci) shift; exec \"$root/build/ci\" \"$@\" ;;", File.ReadAllText(Path.Combine(Repository.Root, "nexus")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stage_that_fails_stops_those_after_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The script needs bash.");
        var root = Directory.CreateTempSubdirectory("nexus-ci-").FullName;
        Directory.CreateDirectory(Path.Combine(root, "build"));
        File.Copy(Path.Combine(Repository.Root, "build", "ci"), Path.Combine(root, "build", "ci"));
        await File.WriteAllTextAsync(Path.Combine(root, "build", "check"), "#!/bin/sh\necho checked\n");
        await File.WriteAllTextAsync(Path.Combine(root, "build", "test"), "#!/bin/sh\necho tested\nexit 3\n");

        var (code, output) = await RunAsync(root, "check", "test", "package");
        var (unknown, _) = await RunAsync(root, "deploy");
        Directory.Delete(root, recursive: true);

        Assert.Equal(1, code);
        Assert.Equal("== stage check\nchecked\n== stage test\ntested\n", output);
        Assert.Equal(64, unknown);
    }

    private static async Task<(int Code, string Output)> RunAsync(string root, params string[] stages)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "build")))
        {
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        using var process = Process.Start(new ProcessStartInfo("bash", [Path.Combine(root, "build", "ci"), .. stages]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await errors;
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    private static string[] Words(YamlNode list) => [.. ((YamlSequenceNode)list).Select(word => (string)word!)];

    private static YamlMappingNode Read(string path)
    {
        var yaml = new YamlStream();
        using var text = File.OpenText(Path.Combine(Repository.Root, path));
        yaml.Load(text);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }
}
