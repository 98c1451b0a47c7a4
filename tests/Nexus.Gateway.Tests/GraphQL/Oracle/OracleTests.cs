using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.GraphQL.Oracle;

/// <summary>graphql-js and we are given the same documents over the same schema: the answers, and the places of errors, are the same.</summary>
public sealed class OracleTests
{
    private const int Seed = 20260101;
    private const int Generated = 2000;
    private static readonly Schema Schema = SdlSchema.Build(OracleCase.Resource("schema.graphql"));
    private static readonly JsonElement Root = JsonElement.Parse(OracleCase.Resource("root.json"));

    [Fact]
    public async Task Documents_picked_by_rule_are_answered_as_by_graphql_js()
    {
        var cases = OracleCase.Resource("corpus.graphql").Split("\n###").Select(part => part[(part.IndexOf('\n', StringComparison.Ordinal) + 1)..]).Select(source => new OracleCase(source)).ToList();
        cases.AddRange(cases.Where(c => c.Source.Contains("query A", StringComparison.Ordinal)).Select(c => c with { OperationName = "A" }).ToArray());
        cases.AddRange(cases.Where(c => c.Source.Contains("query A", StringComparison.Ordinal)).Select(c => c with { OperationName = "Z" }).ToArray());
        cases.AddRange(cases.Where(c => c.Source.Contains("$a: ", StringComparison.Ordinal)).SelectMany(c => new[] { "1", "null", "\"x\"", "[1,null]", "true", "{\"required\":1}" }.Select(v => c with { Variables = $$"""{"a":{{v}}}""" })).ToArray());

        await CompareAsync(cases, 400);
    }

    [Fact]
    public async Task Generated_documents_are_answered_as_by_graphql_js()
    {
        var documents = new Documents(Seed);

        await CompareAsync([.. Enumerable.Range(0, Generated).Select(_ => documents.Next())], Generated);
    }

    [Fact]
    public async Task The_schema_that_a_foreign_client_reads_is_the_one_that_was_built()
    {
        await using var oracle = await OracleProcess.StartAsync();
        var asked = new OracleCase(oracle.Introspection);

        var theirs = Types((await oracle.AskAsync(asked))["data"]!);
        var ours = Types((await asked.AnswerAsync(Schema, Root))["data"]!);

        Assert.Equal(theirs, ours);

        static string Types(JsonNode data) => string.Join('\n', data["__schema"]!["types"]!.AsArray().Where(t => !((string)t!["name"]!).StartsWith("__", StringComparison.Ordinal)).Select(OracleCase.Normal).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Schema_coordinates_name_what_they_name_to_graphql_js()
    {
        await using var oracle = await OracleProcess.StartAsync();
        var named = Schema.Types.Where(type => !type.Name.StartsWith("__", StringComparison.Ordinal)).SelectMany(type => (type switch
        {
            FieldsType composite => composite.Fields.SelectMany(field => field.Arguments.Select(argument => $"{field}({argument.Name}:)").Prepend(field.ToString())),
            InputType input => input.Fields.Select(field => $"{type}.{field.Name}"),
            EnumType words => words.Members.Select(member => $"{type}.{member.Name}"),
            _ => [],
        }).Prepend(type.Name)).Concat(Schema.Directives.SelectMany(directive => directive.Arguments.Select(argument => $"@{directive.Name}({argument.Name}:)").Prepend("@" + directive.Name))).ToList();
        string[] odd = ["", " ", "Query ", " Query", "Query .me", "Query.", ".me", "Query.me.x", "Query.me(", "Query.me()", "Query.me(a", "Query.me(a)", "Query.me(a:", "Query.me(a:)x", "Query.me(a: )", "Query(a:)", "@", "@ skip", "@skip.if", "@skip(if)", "@skip(if:)(", "@skip(no:)", "@no", "@no(if:)", "No", "No.x", "No.x(a:)", "Query.no", "Query.no(a:)", "String.x", "String.x(a:)", "Kind.NO", "Kind.BIG(a:)", "Choice.no", "Choice.a(b:)", "1a", "a-b", "Ä", "Query.m\u00E4", "#Query", "Query#", "\uFEFFQuery", "Query,me", "__x", "_"];
        // Every cut of every name, and each with one sign more.
        var cases = named.Concat(odd).Concat(named.SelectMany(name => new[] { name[..^1], name[1..], name + ".", name + "(", name + ")", name.Replace('.', ':'), name.ToUpperInvariant() })).Distinct().ToList();

        var wrong = new List<string>();
        foreach (var coordinate in cases)
        {
            var theirs = (string?)(await oracle.AskAsync(new JsonObject { ["coordinate"] = coordinate }.ToJsonString()))["found"];
            if (theirs != Named(coordinate))
                wrong.Add($"{coordinate}: graphql-js {theirs ?? "null"}, nexus {Named(coordinate) ?? "null"}");
        }

        Assert.InRange(cases.Count, 300, 20_000);
        Assert.All(named, name => Assert.Equal(name, SchemaCoordinate.Parse(name).ToString()));
        Assert.Empty(wrong);
    }

    private static string? Named(string text)
    {
        try
        {
            var coordinate = SchemaCoordinate.Parse(text);
            return coordinate.FindIn(Schema) switch
            {
                NamedType type => $"NamedType {type}",
                FieldType field => $"Field {field.Type}",
                InputField argument => $"{(coordinate.IsDirective ? "DirectiveArgument" : coordinate.Argument is null ? "InputField" : "FieldArgument")} {argument.Type}",
                EnumMember member => $"EnumValue {member.Name}",
                DirectiveType directive => $"Directive {directive.Name}",
                _ => null,
            };
        }
        catch (Nexus.Gateway.GraphQL.Language.SyntaxException)
        {
            return "syntax";
        }
        catch (Nexus.Gateway.GraphQL.Execution.GraphException)
        {
            return "nowhere";
        }
    }

    private static async Task CompareAsync(List<OracleCase> cases, int atLeast)
    {
        await using var oracle = await OracleProcess.StartAsync();
        var wrong = new List<string>();
        foreach (var one in cases)
        {
            var theirs = OracleCase.Normal(await oracle.AskAsync(one));
            var ours = OracleCase.Normal(await one.AnswerAsync(Schema, Root));
            if (theirs != ours)
                wrong.Add($"{one.Source}\n{one.Variables} {one.OperationName}\ngraphql-js: {theirs}\nnexus:      {ours}");
        }
        Assert.True(cases.Count >= atLeast, $"only {cases.Count} documents");
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {cases.Count} differ:\n\n{string.Join("\n\n", wrong.Take(12))}");
    }

    /// <summary>A node process with graphql-js.</summary>
    private sealed class OracleProcess : IAsyncDisposable
    {
        private readonly Process process;
        private readonly string folder;

        private OracleProcess(Process process, string folder, string introspection) => (this.process, this.folder, Introspection) = (process, folder, introspection);

        public string Introspection { get; }

        public static async Task<OracleProcess> StartAsync()
        {
            var node = ToolProcess.Find("node");
            var tools = await ForeignTools.FolderAsync();
            var folder = Directory.CreateTempSubdirectory("nexus-oracle-").FullName;
            var (schema, root) = (Path.Combine(folder, "schema.graphql"), Path.Combine(folder, "root.json"));
            await File.WriteAllTextAsync(schema, OracleCase.Resource("schema.graphql"));
            await File.WriteAllTextAsync(root, OracleCase.Resource("root.json"));
            var process = Process.Start(new ProcessStartInfo(node, ["graphql-oracle.mjs", schema, root]) { WorkingDirectory = tools, RedirectStandardInput = true, RedirectStandardOutput = true })!;
            return new OracleProcess(process, folder, (string)(await ReadAsync(process))["introspection"]!);
        }

        public Task<JsonNode> AskAsync(OracleCase one) => AskAsync(one.Request);

        public async Task<JsonNode> AskAsync(string request)
        {
            await process.StandardInput.WriteLineAsync(request);
            await process.StandardInput.FlushAsync();
            return await ReadAsync(process);
        }

        public async ValueTask DisposeAsync()
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        private static async Task<JsonNode> ReadAsync(Process process)
        {
            using var limit = new CancellationTokenSource(Until.Patience);
            return JsonNode.Parse(await process.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("The oracle ended."))!;
        }
    }
}
