using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus api-test</c>: plays the collection of requests that a host exports against it.</summary>
internal static partial class ApiTestCommand
{
    public static Command Build() => new("api-test", "Play requests against a host and report what passes") { Run() };

    private static Command Run()
    {
        var file = new Option<string?>("--collection") { Description = "A Postman collection (v2.1) in place of the one that the host exports" };
        var folder = new Option<string?>("--folder") { Description = "Only requests of folders whose names begin so" };
        var command = new Command("run", "Make, read, change and remove a record of each resource, and call everything that only reads; exits 1 when an answer is no success and no documented refusal") { file, folder };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var collection = await CollectionAsync(host, call.GetValue(file), cancel);
            var results = new JsonArray();
            var variables = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var group in (collection["item"] as JsonArray ?? []).OfType<JsonObject>().Where(g => call.GetValue(folder) is not { } wanted || ((string?)g["name"])?.StartsWith(wanted, StringComparison.Ordinal) == true))
            {
                foreach (var item in (group["item"] as JsonArray ?? []).OfType<JsonObject>())
                    results.Add(await PlayAsync(host, (string?)group["name"] ?? "", item, variables, cancel));
            }

            var failed = results.Count(result => !(bool)result!["passed"]!);
            Output.Print(call, new JsonObject { ["requests"] = results.Count, ["failed"] = failed, ["results"] = results }, _ =>
            {
                Output.Table(results, Output.Column("PASSED", "passed"), Output.Column("STATUS", "status"), Output.Column("MS", "milliseconds"), Output.Column("METHOD", "method"), Output.Column("PATH", "path"), Output.Column("WHY", "why"));
                Console.WriteLine($"{results.Count - failed} of {results.Count} passed");
            });
            return failed == 0 && results.Count > 0 ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static async Task<JsonObject> CollectionAsync(Host host, string? file, CancellationToken cancellationToken)
    {
        if (file is not null && !File.Exists(file)) throw new CliException($"nexus: there is no file {file}.", ExitCodes.Usage);
        try
        {
            var found = file is null ? await host.GetAsync("/api/postman-collection.json", cancellationToken) : JsonNode.Parse(await File.ReadAllTextAsync(file, cancellationToken));
            return found is JsonObject collection && collection["item"] is JsonArray ? collection : throw new CliException("nexus: this is no Postman collection.", ExitCodes.Invalid);
        }
        catch (JsonException error)
        {
            throw new CliException($"nexus: {file} is not well-formed JSON: {error.Message}", ExitCodes.Invalid);
        }
    }

    private static async Task<JsonObject> PlayAsync(Host host, string folder, JsonObject item, Dictionary<string, string> variables, CancellationToken cancellationToken)
    {
        var sent = item["request"] as JsonObject ?? [];
        var path = Variable().Replace(((string?)sent["url"]?["raw"] ?? "").Replace("{{baseUrl}}", "", StringComparison.Ordinal), match => variables.GetValueOrDefault(match.Groups[1].Value, "none"));
        using var request = new HttpRequestMessage(HttpMethod.Parse((string?)sent["method"] ?? "GET"), path);
        if ((string?)sent["body"]?["raw"] is { } body)
            request.Content = new StringContent(body, Encoding.UTF8, (string?)(sent["header"] as JsonArray ?? []).FirstOrDefault(header => (string?)header?["key"] == "Content-Type")?["value"] ?? "application/json");
        var clock = Stopwatch.StartNew();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        var (status, type, text) = (599, (string?)null, "No answer within 30 s.");
        try
        {
            (status, type, text) = await host.AnswerAsync(request, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Told as a failure of this request; the others are played all the same.
        }

        var refused = status >= 400;
        var passed = status < 500 && (!refused || type == "application/problem+json");
        var script = string.Concat((item["event"] as JsonArray ?? []).SelectMany(one => one?["script"]?["exec"] as JsonArray ?? []).Select(line => (string?)line));
        if (status == 201 && Keeps().Match(script) is { Success: true } kept && JsonNode.Parse(text)?["id"] is { } id)
            variables[kept.Groups[1].Value] = id.ToString();
        return new JsonObject
        {
            ["folder"] = folder,
            ["name"] = (string?)item["name"],
            ["method"] = request.Method.Method,
            ["path"] = path,
            ["status"] = status,
            ["milliseconds"] = Math.Round(clock.Elapsed.TotalMilliseconds, 1).ToString(CultureInfo.InvariantCulture),
            ["passed"] = passed,
            ["why"] = refused ? text.Length > 200 ? text[..200] : text : "",
        };
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"collectionVariables\.set\('(\w+)', pm\.response\.json\(\)\.id\)")]
    private static partial Regex Keeps();
}
