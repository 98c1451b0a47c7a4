using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus completion SHELL</c>: a script that asks the command itself by System.CommandLine's suggest directive.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _nexus() {
          local words
          words=$(nexus "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
          COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _nexus nexus
        """;

    private const string Zsh = """
        #compdef nexus
        _nexus() {
          local -a words
          words=(${(f)"$(nexus "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)"})
          if (( $#words )); then compadd -a words; else _files; fi
        }
        compdef _nexus nexus
        """;

    private const string Fish = """
        function __nexus_complete
          set -l line (commandline -cp)
          set -l words (nexus "[suggest:"(string length -- $line)"]" "$line" 2>/dev/null | string match -r '.+')
          if count $words >/dev/null
            printf '%s\n' $words
          else
            __fish_complete_path (commandline -ct)
          end
        end
        complete -c nexus -f -a '(__nexus_complete)'
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName nexus -ScriptBlock {
          param($word, $ast, $position)
          nexus "[suggest:$position]" "$ast" | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }
        """;

    public static Command Build()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh, fish or pwsh" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        var command = new Command("completion", "Print a completion script: source <(nexus completion bash)") { shell };
        command.SetAction(call => Console.WriteLine(call.GetValue(shell) switch { "zsh" => Zsh, "fish" => Fish, "pwsh" => PowerShell, _ => Bash }));
        return command;
    }
}
