using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus dev-tools</c>: a shell over the commands, and the documentation as a site.</summary>
internal static class DeveloperTools
{
    public static Command Build() => new("dev-tools", "A shell, and the documentation as a static site") { Shell(), BuildDocs() };

    private static Command Shell()
    {
        var command = new Command("shell", "Read commands from the terminal, one a line, without 'nexus' before them; 'exit' ends");
        command.SetAction(async (call, cancel) =>
        {
            var prompt = !Console.IsInputRedirected;
            var last = ExitCodes.Done;
            // The address holds for the whole session.
            if (call.GetValue(Root.Url) is { } url) Environment.SetEnvironmentVariable("NEXUS_URL", url);
            while (true)
            {
                if (prompt) Console.Write("nexus> ");
                if (await Console.In.ReadLineAsync(cancel) is not { } line || line.Trim() is "exit" or "quit") return last;
                if (line.Trim().Length == 0) continue;
                var parsed = Root.Build().Parse(line, Root.Parsing);
                last = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, cancel).WithExitCode();
                if (parsed.Errors.Count > 0) last = ExitCodes.Usage;
            }
        });
        return command;
    }

    /// <summary>Also at the root, as <c>nexus docs</c>.</summary>
    public static Command BuildDocs()
    {
        var source = new Argument<string?>("source") { Description = "Folder of Markdown files (default: the guide of this installation)", Arity = ArgumentArity.ZeroOrOne };
        var output = new Option<string>("--output", "-o") { Description = "Folder to write", DefaultValueFactory = _ => "site" };
        var command = new Command("docs", "Write the guide and the reference of the plugin contract as a static site; exits 65 on a broken link") { source, output };
        command.SetAction(async (call, cancel) =>
        {
            var from = Path.GetFullPath(call.GetValue(source) ?? Path.Combine(HostProgram.Root, "docs", "guide"));
            if (!Directory.Exists(from)) throw new CliException($"nexus: {from} is no folder.\nusage: nexus dev-tools docs [source] [--output folder]", ExitCodes.Usage);
            var site = new DocumentationSite(from, Path.GetFullPath(call.GetValue(output)!));
            await site.WriteAsync(cancel);
            foreach (var broken in site.BrokenLinks) await Console.Error.WriteLineAsync($"broken link: {broken}");
            Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["folder"] = site.Output, ["pages"] = site.Pages, ["brokenLinks"] = site.BrokenLinks.Count }, _ => Console.WriteLine($"{site.Pages} pages in {site.Output}; open index.html"));
            return site.BrokenLinks.Count == 0 ? ExitCodes.Done : ExitCodes.Invalid;
        });
        return command;
    }
}
