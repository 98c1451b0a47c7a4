using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus explain CODE</c>: the catalogue of errors; needs no host.</summary>
internal static class ExplainCommand
{
    public static Command Build()
    {
        var code = new Argument<string?>("code") { Description = "Such as PRECONDITION_FAILED; all codes when absent", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("explain", "Say what an error code means and what to do") { code };
        command.SetAction(call =>
        {
            if (call.GetValue(code) is not { } wanted)
                return Output.Print(call, new JsonArray([.. ErrorCodes.All.Select(Json)]), found => Output.Table(found, Output.Column("CODE", "code"), Output.Column("STATUS", "status"), Output.Column("TITLE", "title")));
            var entry = ErrorCodes.Find(wanted.ToUpperInvariant()) ?? throw new CliException($"nexus: there is no error code {wanted}; 'nexus explain' lists all.", ExitCodes.Usage);
            return Output.Print(call, Json(entry), _ => Console.WriteLine($"{entry.Code} (HTTP {entry.Status}): {entry.Title}\n\nWhen: {entry.Cause}\nWhat to do: {entry.Remedy}"));
        });
        return command;
    }

    private static JsonObject Json(ErrorCode entry) => new() { ["code"] = entry.Code, ["status"] = entry.Status, ["title"] = entry.Title, ["cause"] = entry.Cause, ["remedy"] = entry.Remedy };
}
