using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Cli.Clients;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus client</c>: a typed client of what a host serves now.</summary>
internal static class ClientCommand
{
    public static Command Build() => new("client", "Write a typed client of a running host, or of an OpenAPI document")
    {
        Language("csharp", "In C#: a project without packages", CSharp),
        TypeScript(),
        Generate(),
    };

    /// <summary>The document of a file, or of the host when there is none.</summary>
    internal static async Task<ApiDocument> DocumentAsync(ParseResult call, string? file, CancellationToken cancellationToken)
    {
        if (file is null)
        {
            using var host = Host.Of(call);
            return ApiDocument.Of(await host.GetAsync("/openapi.json", cancellationToken));
        }

        if (!File.Exists(file)) throw new CliException($"nexus: there is no file {file}.", ExitCodes.Usage);
        try
        {
            return ApiDocument.Of(JsonNode.Parse(await File.ReadAllTextAsync(file, cancellationToken)));
        }
        catch (JsonException error)
        {
            throw new CliException($"nexus: {file} is not well-formed JSON: {error.Message}", ExitCodes.Invalid);
        }
    }

    private static IReadOnlyDictionary<string, string> CSharp(ApiDocument api, string space) => new CSharpClient(api, space).Write();

    private static IReadOnlyDictionary<string, string> TypeScript(ApiDocument api) => new TypeScriptClient(api).Write();

    private static Command TypeScript()
    {
        var types = new Option<bool>("--types") { Description = "Types alone, in contract.ts, for a client of one's own" };
        return Language("typescript", "In TypeScript: for browsers and Node, without packages", (call, api, _) => call.GetValue(types) ? new Dictionary<string, string> { ["contract.ts"] = TypeScriptTypes.Write(api) } : TypeScript(api), types);
    }

    /// <summary>The same with the language as an option, for scripts that choose it.</summary>
    private static Command Generate()
    {
        var language = new Option<string>("--language") { Description = "csharp or typescript", DefaultValueFactory = _ => "csharp" };
        language.AcceptOnlyFromAmong("csharp", "typescript");
        return Language("generate", "In the language that is named", (call, api, space) => call.GetValue(language) == "csharp" ? CSharp(api, space) : TypeScript(api), language);
    }

    private static Command Language(string name, string about, Func<ApiDocument, string, IReadOnlyDictionary<string, string>> write) => Language(name, about, (_, api, space) => write(api, space));

    private static Command Language(string name, string about, Func<ParseResult, ApiDocument, string, IReadOnlyDictionary<string, string>> write, params Option[] further)
    {
        var output = new Option<string>("--output", "-o") { Description = "Folder to write", DefaultValueFactory = _ => "nexus-client" };
        var document = new Option<string?>("--document") { Description = "An OpenAPI document in place of that of the host" };
        var space = new Option<string>("--namespace") { Description = "Namespace, and name of the project", DefaultValueFactory = _ => "Nexus.Client", Hidden = name == "typescript" };
        var command = new Command(name, about) { output, document, space };
        foreach (var option in further) command.Options.Add(option);
        command.SetAction(async (call, cancel) =>
        {
            var api = await DocumentAsync(call, call.GetValue(document), cancel);
            var folder = Path.GetFullPath(call.GetValue(output)!);
            Directory.CreateDirectory(folder);
            var files = write(call, api, call.GetValue(space)!);
            foreach (var (file, text) in files) await File.WriteAllTextAsync(Path.Combine(folder, file), text, cancel);
            return Output.Print(call, new JsonObject { ["folder"] = folder, ["operations"] = api.Operations.Count, ["files"] = new JsonArray([.. files.Keys.Select(f => (JsonNode)f)]) }, _ => Console.WriteLine($"{api.Operations.Count} operations in {folder}"));
        });
        return command;
    }
}
