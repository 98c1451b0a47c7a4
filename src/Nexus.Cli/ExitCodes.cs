namespace Nexus.Cli;

/// <summary>Exit codes, after sysexits(3) where it has a fitting one. Shown by <c>nexus --help</c> and in the guide.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>The host or a check refused; the error says why.</summary>
    public const int Refused = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>The input (a manifest, a configuration, a file) is not valid.</summary>
    public const int Invalid = 65;

    /// <summary>No host answers at the address.</summary>
    public const int Unreachable = 69;

    /// <summary>A bug of the command itself.</summary>
    public const int Bug = 70;

    /// <summary>Stopped by Ctrl-C.</summary>
    public const int Interrupted = 130;

    /// <summary>Turns what a command threw into one line on standard error and an exit code.</summary>
    public static async Task<int> WithExitCode(this Task<int> command)
    {
        try
        {
            return await command;
        }
        catch (CliException error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return error.ExitCode;
        }
        catch (HttpRequestException error)
        {
            await Console.Error.WriteLineAsync($"nexus: no host answers ({error.Message}). Start one with 'nexus run', or name its address with --url or NEXUS_URL.");
            return Unreachable;
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
    }
}

/// <summary>A failure that a command foresees: its text is for the person at the terminal.</summary>
internal sealed class CliException(string message, int exitCode = ExitCodes.Refused) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
