using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Http;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;
using Nexus.Gateway.Tests.GraphQL.Oracle;

namespace Nexus.Bench;

/// <summary>Parsing, checking, executing and writing one query of 20 fields, over and over, against graphql-js on the same schema and data.</summary>
internal static class GraphQLBench
{
    private const int Rounds = 20_000;
    private const string Query = "query Q { me { id name age kind friends(first: 2) { id name age } bestFriend { id name email } } dog { id name barks owner { id } } users { id email } numbers { int float } }";

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var schema = SdlSchema.Build(OracleCase.Resource("schema.graphql"));
        var root = JsonElement.Parse(OracleCase.Resource("root.json"));
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = 0; round < 5; round++)
        {
            ours.Add(await OursAsync(schema, root, round == 0));
            theirs.Add(await TheirsAsync());
        }

        var ratio = Benches.Median(ours.Zip(theirs, (a, b) => a / b));
        return
        [
            new("parse, validate and execute a query of 20 fields, over graphql-js", ratio, "×", 2, Baseline: Benches.Median(theirs)),
            new("parse, validate and execute a query of 20 fields", Benches.Median(ours), "/s"),
        ];
    }

    private static async Task<double> OursAsync(Schema schema, JsonElement root, bool first)
    {
        for (var i = 0; first && i < Rounds; i++) await OnceAsync(schema, root);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Rounds; i++) await OnceAsync(schema, root);
        return Rounds / clock.Elapsed.TotalSeconds;
    }

    private static async ValueTask OnceAsync(Schema schema, JsonElement root)
    {
        var document = Parser.Parse(Query);
        if (Validator.Validate(schema, document, Suggestions.Told).Count > 0) throw new InvalidOperationException("The document is not valid.");
        var result = await new OperationRun(schema, document, (OperationDefinition)document.Definitions[0], [], []).ExecuteAsync(root);
        if (result.Data is null || GraphQLAnswer.Write(result).Length == 0) throw new InvalidOperationException("The document was not executed.");
    }

    /// <summary>The rate of graphql-js in a process of its own, warmed by as many rounds as are counted.</summary>
    private static async Task<double> TheirsAsync()
    {
        var tools = Path.GetFullPath(Path.Combine(Benches.Greeter, "../../../foreign"));
        if (!Directory.Exists(Path.Combine(tools, "node_modules", "graphql"))) throw new InvalidOperationException($"graphql-js is not installed in {tools}; run the gateway's tests once.");
        var folder = Directory.CreateTempSubdirectory("nexus-bench-graphql-").FullName;
        var (schema, root) = (Path.Combine(folder, "schema.graphql"), Path.Combine(folder, "root.json"));
        await File.WriteAllTextAsync(schema, OracleCase.Resource("schema.graphql"));
        await File.WriteAllTextAsync(root, OracleCase.Resource("root.json"));
        var start = new ProcessStartInfo("node", ["graphql-oracle.mjs", schema, root, Rounds.ToString(CultureInfo.InvariantCulture)]) { WorkingDirectory = tools, RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["NODE_ENV"] = "production";
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(Query);
        process.StandardInput.Close();
        var rate = double.Parse(await process.StandardOutput.ReadToEndAsync(), CultureInfo.InvariantCulture);
        await process.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);
        return rate;
    }
}
