using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>The completion scripts, sourced by the shells they are for.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-completion-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // As readline calls it: the line, the place of the cursor, and the words that it sees there.
    [Fact]
    public async Task Bash_completes_commands_and_leaves_files_to_itself()
    {
        var script = await ScriptAsync("bash");

        var output = await RunAsync("bash", "--norc", "-c", $$"""
            source {{script}}
            ask() { COMP_LINE="$1"; COMP_POINT=${#1}; COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _nexus; echo "${COMPREPLY[*]}"; }
            ask 'nexus pl'
            ask 'nexus plugin ins'
            ask 'nexus completion z'
            ask 'nexus config init --te'
            ask 'nexus config init --template pr'
            ask 'nexus plugin install package-of'
            complete -p nexus
            """);

        Assert.Equal("plugin\ninstall\nzsh\n--template\nproduction\n\ncomplete -o default -F _nexus nexus\n", output);
    }

    [Fact]
    public async Task PowerShell_gets_a_script_that_asks_the_command()
    {
        var (code, script, errors) = await Programs.RunAsync("dotnet", [Programs.Cli, "completion", "pwsh"], folder);

        Assert.True(code == 0, errors);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
    }

    // A real zsh on a terminal of its own, into which another one types a tab.
    [Fact]
    public async Task Zsh_completes_commands_and_then_files()
    {
        var script = await ScriptAsync("zsh");
        await File.WriteAllTextAsync(Path.Combine(folder, "package-of-mine.nxp"), "");
        var typist = Path.Combine(folder, "typist.zsh");
        await File.WriteAllTextAsync(typist, $$"""
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell "autoload -Uz compinit; compinit -u -D; source {{script}}; print -r -- rea''dy"
            zpty -r shell seen '*ready*'
            zpty -n -w shell $'nexus plugin ins\t\n'
            zpty -n -w shell $'nexus plugin install package-of\t\n'
            zpty -w shell "print -r -- do''ne"
            zpty -r shell seen '*done*'
            zpty -d shell
            """);

        await RunAsync("zsh", "-f", typist);

        Assert.Equal(["plugin install", "plugin install package-of-mine.nxp"], await File.ReadAllLinesAsync(Path.Combine(folder, "ran")));
    }

    [Fact]
    public async Task Fish_completes_commands_and_then_files()
    {
        var script = await ScriptAsync("fish");
        await File.WriteAllTextAsync(Path.Combine(folder, "package-of-mine.nxp"), "");

        var output = await RunAsync("fish", "--no-config", "-c", $"""
            source {script}
            complete -C 'nexus plugin ins'
            complete -C 'nexus completion z'
            complete -C 'nexus plugin install package-of'
            """);

        Assert.Equal("install\nzsh\npackage-of-mine.nxp\n", output);
    }

    private async Task<string> ScriptAsync(string shell)
    {
        ToolProcess.Find(shell);
        var (code, script, errors) = await Programs.RunAsync("dotnet", [Programs.Cli, "completion", shell], folder);
        Assert.True(code == 0, errors);
        // It completes as the real one does, and writes down what it would run.
        var command = Path.Combine(folder, "nexus");
        await File.WriteAllTextAsync(command, $"""
            #!/bin/sh
            case "$1" in
              '[suggest'*) exec dotnet {Programs.Cli} "$@" ;;
              *) echo "$@" >>ran ;;
            esac
            """);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(command, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        var path = Path.Combine(folder, "completion." + shell);
        await File.WriteAllTextAsync(path, script);
        return path;
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output, errors) = await Programs.RunAsync(program, arguments, folder, new Dictionary<string, string> { ["PATH"] = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}", ["TERM"] = "dumb" });
        Assert.True(code == 0, $"{program} ended with {code}: {errors} {output}");
        return output;
    }
}
