using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus new</c>: writes an application, a plugin or a resource from the templates that <c>dotnet new</c> also has.</summary>
internal static partial class NewCommand
{
    private static readonly string[] AppKinds = ["basic", "api", "microservice", "web"];

    public static Command Build() => new("new", "Write an application, a plugin or a resource from a template") { App(), Plugin(), Resource() };

    private static Command App()
    {
        var name = new Argument<string>("name") { Description = "Name such as shop" };
        var template = new Option<string>("--template", "-t") { Description = $"One of {string.Join(", ", AppKinds)}", DefaultValueFactory = _ => "basic" };
        template.AcceptOnlyFromAmong(AppKinds);
        var output = new Option<string?>("--output", "-o") { Description = "Folder (default: the name)" };
        var command = new Command("app", "A program of your own with the host inside, that builds and runs") { name, template, output };
        command.SetAction(async (call, cancel) =>
        {
            var id = call.GetValue(name)!;
            if (!AppName().IsMatch(id)) throw new CliException($"nexus: '{id}' is not a name; write lower-case letters, digits and dashes such as my-shop.", ExitCodes.Usage);
            var folder = Path.GetFullPath(call.GetValue(output) ?? id);
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()) throw new CliException($"nexus: {folder} is not empty.", ExitCodes.Usage);
            var version = await Output.WhileAsync(call, "preparing the SDK packages", () => PackageFeed.EnsureAsync(withHost: true, cancel));
            Dictionary<string, string> words = new() { ["my-app"] = id, ["MyApp"] = Pascal(id), ["NEXUS_VERSION"] = version, ["NEXUS_FEED"] = PackageFeed.Folder };
            await WriteAsync("app/shared", folder, words, cancel);
            await WriteAsync($"app/{call.GetValue(template)}", folder, words, cancel);
            return Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["app"] = id, ["folder"] = folder }, _ => Console.WriteLine($"{folder} is ready:\n  cd {Path.GetRelativePath(Environment.CurrentDirectory, folder)}\n  dotnet run"));
        });
        return command;
    }

    private static Command Plugin()
    {
        var name = new Argument<string>("name") { Description = "Id such as shop.orders" };
        var output = new Option<string?>("--output", "-o") { Description = "Folder (default: the id)" };
        var command = new Command("plugin", "A plugin with a resource, a route and tests, that builds and passes") { name, output };
        command.SetAction((call, cancel) => WritePluginAsync(call, call.GetValue(name)!, call.GetValue(output) ?? call.GetValue(name)!, "custom", cancel));
        return command;
    }

    /// <summary>Writes a plugin's folder.</summary>
    public static async Task<int> WritePluginAsync(ParseResult call, string id, string to, string category, CancellationToken cancel)
    {
        if (!Id().IsMatch(id)) throw new CliException($"nexus: '{id}' is not a plugin id; write dotted lower-case words such as shop.orders.", ExitCodes.Usage);
        var folder = Path.GetFullPath(to);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()) throw new CliException($"nexus: {folder} is not empty.", ExitCodes.Usage);
        var version = await Output.WhileAsync(call, "preparing the SDK packages", () => PackageFeed.EnsureAsync(withHost: false, cancel));
        await WriteAsync("plugin", folder, new() { ["my.plugin"] = id, ["MyPlugin"] = Pascal(id[(id.LastIndexOf('.') + 1)..]), ["NEXUS_VERSION"] = version, ["NEXUS_FEED"] = PackageFeed.Folder, ["\"category\": \"custom\""] = $"\"category\": \"{category}\"" }, cancel);
        return Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["plugin"] = id, ["folder"] = folder }, _ => Console.WriteLine($"{folder} is ready:\n  cd {Path.GetRelativePath(Environment.CurrentDirectory, folder)}\n  dotnet test              run its tests\n  nexus dev                build, install, swap at every save\n  nexus plugin pack        make a package"));
    }

    private static Command Resource()
    {
        var name = new Argument<string>("name") { Description = "Singular name in PascalCase such as Invoice" };
        var command = new Command("resource", "A resource in the plugin of this folder") { name };
        command.SetAction(async (call, cancel) =>
        {
            var type = call.GetValue(name)!;
            if (!TypeName().IsMatch(type)) throw new CliException($"nexus: '{type}' is not a type name; write PascalCase such as Invoice.", ExitCodes.Usage);
            var project = PluginProject.Find(Environment.CurrentDirectory);
            var file = Path.Combine(project.Folder, $"{type}.cs");
            if (File.Exists(file)) throw new CliException($"nexus: {file} exists.", ExitCodes.Usage);
            var plural = type.ToLowerInvariant() + "s";
            await WriteAsync("resource", project.Folder, new() { ["MyResource"] = type, ["my-resources"] = plural }, cancel);
            return Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["resource"] = plural, ["file"] = file }, _ => Console.WriteLine($"{file} is written. Declare it in Configure:\n    plugin.AddResource<{type}>(\"{plural}\", {type}.Describe);"));
        });
        return command;
    }

    private static async Task WriteAsync(string template, string folder, Dictionary<string, string> words, CancellationToken cancel)
    {
        var assembly = Assembly.GetExecutingAssembly();
        var prefix = $"templates/{template}/";
        foreach (var resource in assembly.GetManifestResourceNames().Select(n => (Name: n, Path: n.Replace('\\', '/'))).Where(n => n.Path.StartsWith(prefix, StringComparison.Ordinal) && !n.Path.Contains(".template.config", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource.Name)!);
            var path = Replace(resource.Path[prefix.Length..], words);
            var target = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            await File.WriteAllTextAsync(target, Replace(await reader.ReadToEndAsync(cancel), words), cancel);
        }
    }

    private static string Replace(string text, Dictionary<string, string> words) =>
        words.Aggregate(text, (current, word) => current.Replace(word.Key, word.Value, StringComparison.Ordinal));

    private static string Pascal(string word) => string.Concat(word.Split('-', '_').Where(p => p.Length > 0).Select(p => char.ToUpper(p[0], CultureInfo.InvariantCulture) + p[1..]));

    [GeneratedRegex(@"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$")]
    private static partial Regex Id();

    [GeneratedRegex("^[a-z][a-z0-9-]{0,60}$")]
    private static partial Regex AppName();

    [GeneratedRegex("^[A-Z][A-Za-z0-9]{1,60}$")]
    private static partial Regex TypeName();
}
