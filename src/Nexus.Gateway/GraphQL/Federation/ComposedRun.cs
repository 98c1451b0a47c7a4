using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation.Planning;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>
/// Answers one operation out of several subgraphs.
/// 1. Ask each subgraph for its fields of the root, side by side; those of a mutation one after another. 2. Of the objects that came, gather those whose rest others have, and ask each of
/// these once a level for all of them. 3. When nothing is left to ask, the executor puts the answer together: order, aliases, null propagation and paths are its own.
/// </summary>
internal sealed class ComposedRun(ComposedState state, OperationRun run, OperationDefinition operation, PassedHeaders headers, ComposedInput input)
{
    private const int MaxRepresentations = 1000;
    private const int MaxErrors = 100;
    private const int MaxKey = 200;
    private readonly List<GraphError> further = [];

    /// <summary>Runs the operation.</summary>
    public async Task<OperationResult> ExecuteAsync()
    {
        var type = state.Composed.Schema.Root(operation.Kind)!;
        var root = new FetchedObject(type.Name);
        try
        {
            var fields = new Planner(state.Composed, run).Plan(type, operation.Selections);
            if (operation.Kind == OperationKind.Mutation)
                await ChangeAsync(root, fields);
            else
                await HopAsync(await Task.WhenAll(fields.GroupBy(field => field.Subgraph).Select(group => AskAsync(group.Key, root, [.. group.Select(field => field.Field)], headers.All))));
        }
        catch (GraphException exception)
        {
            return new OperationResult(null, [new GraphError(exception.Message, []) { Code = exception.Code }]);
        }
        var result = await run.ExecuteAsync(root);
        return result with { Errors = Bound([.. result.Errors, .. further]) };
    }

    private static List<GraphError> Bound(List<GraphError> errors)
    {
        if (errors.Count <= MaxErrors)
            return errors;
        // A subgraph that is down may cost thousands of fields; after the first hundred nobody reads on.
        var left = errors.Count - MaxErrors;
        return [.. errors.Take(MaxErrors), new GraphError($"{left} further errors are left out.", []) { Code = errors[MaxErrors].Code }];
    }

    private async Task ChangeAsync(FetchedObject root, List<(string Subgraph, SelectedField Field)> fields)
    {
        foreach (var (subgraph, field) in fields)
        {
            var key = field.Plan.Key;
            await HopAsync([await AskAsync(subgraph, root, [field], input.IdempotencyKey is { } given ? headers.All.Append(new("Idempotency-Key", KeyOf(given, key))) : headers.All)]);
            // What comes after a change whose failure takes the whole answer would not be seen any more, so it is not done either.
            if (field.Plan.Definition.Type.IsNonNull && root.Values.GetValueOrDefault(key) is null or Failure)
                return;
        }
    }

    /// <summary>Each field of a request that was sent with an idempotency key has a key of its own.</summary>
    private static string KeyOf(string given, string field) =>
        $"{given}#{field}" is { Length: <= MaxKey } key ? key : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{given}#{field}")));

    private async Task<AnswerReader> AskAsync(string name, FetchedObject root, SelectedField[] fields, IEnumerable<KeyValuePair<string, string>> with)
    {
        var subgraph = state.Subgraphs[name];
        var reader = new AnswerReader(subgraph);
        var request = new SubgraphOperation(operation, input.Variables);
        foreach (var field in fields)
            request.Add(field);
        try
        {
            var answer = await subgraph.SendAsync(request.ToJson(), with, run.Cancellation);
            var (data, errors) = Parts(answer);
            reader.Fill(root, data, fields);
            foreach (var error in errors)
            {
                if (Path(error) is { Length: > 0 } path)
                    reader.Place(error, root, path, 0);
                else if (data.ValueKind == JsonValueKind.Object)
                    reader.Add(error);
            }
            if (data.ValueKind != JsonValueKind.Object)
                AnswerReader.Fail(root, fields, reader.Read(errors.FirstOrDefault()));
            Note(answer);
        }
        catch (ElsewhereException exception)
        {
            AnswerReader.Fail(root, fields, exception.Error);
        }
        catch (InvalidOperationException)
        {
            // A text with half a character: JSON that is well-formed and cannot be read.
            AnswerReader.Fail(root, fields, reader.Garbage());
        }
        return reader;
    }

    /// <summary>Asks level after level for what others have of the objects that came.</summary>
    private async Task HopAsync(AnswerReader[] level)
    {
        while (true)
        {
            further.AddRange(level.SelectMany(reader => reader.Further));
            var targets = level.SelectMany(reader => reader.Hops).ToList();
            if (targets.Count == 0)
                return;
            level = await Task.WhenAll(targets.GroupBy(target => target.Hop.Subgraph).Select(group => AskAsync(group.Key, [.. group])));
        }
    }

    private async Task<AnswerReader> AskAsync(string name, List<HopTarget> targets)
    {
        var subgraph = state.Subgraphs[name];
        var reader = new AnswerReader(subgraph);
        var request = new SubgraphOperation(operation, input.Variables);
        var questions = new List<EntityQuestion>();
        foreach (var same in targets.GroupBy(target => target.Hop))
        {
            // An entity whose key did not come cannot be asked for; the reason is at the key's field.
            var asked = same.Where(target => !Lacks(target, subgraph)).GroupBy(target => target.Key.ToJsonString()).Select(group => group.ToArray());
            foreach (var some in asked.Chunk(MaxRepresentations))
                questions.Add(new EntityQuestion(same.Key, request.Add(same.Key.Selection, some.Select(one => one[0].Key)), some));
        }
        if (questions.Count == 0)
            return reader;
        try
        {
            var answer = await subgraph.SendAsync(request.ToJson(), headers.All, run.Cancellation);
            var (data, errors) = Parts(answer);
            foreach (var question in questions)
                question.Fill(reader, data);
            foreach (var error in errors)
            {
                if (Path(error) is not { Length: > 0 } path || questions.Find(question => question.Key == path[0].ToString()) is not { } question)
                    reader.Add(error);
                else
                    question.Place(reader, error, path);
            }
            if (data.ValueKind != JsonValueKind.Object)
                questions.ForEach(question => question.Fail(reader.Read(errors.FirstOrDefault())));
            Note(answer);
        }
        catch (ElsewhereException exception)
        {
            questions.ForEach(question => question.Fail(exception.Error));
        }
        catch (InvalidOperationException)
        {
            questions.ForEach(question => question.Fail(reader.Garbage()));
        }
        return reader;
    }

    private static bool Lacks(HopTarget target, Subgraph subgraph)
    {
        // What is required beside the key may be null, unless that is because it failed.
        var cause = target.Aliases.Select(alias => target.Target.Values.GetValueOrDefault(alias)).OfType<Failure>().FirstOrDefault()?.Error;
        if (cause is null && Array.TrueForAll(target.Hop.Key.Fields, field => target.Key[field.Name.Text] is not null))
            return false;
        AnswerReader.Fail(target.Target, target.Hop.Selection, cause ?? subgraph.ErrorOf($"The subgraph {subgraph.Name} cannot be asked: the key of the {target.Target.Type} is null."));
        return true;
    }

    /// <summary>A subgraph that does not know what its schema said may have another one by now.</summary>
    private void Note(JsonElement answer)
    {
        if (!answer.TryGetProperty("data", out _))
            state.Doubt();
    }

    private static (JsonElement Data, JsonElement[] Errors) Parts(JsonElement answer) =>
        (answer.TryGetProperty("data", out var data) ? data : default, answer.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array ? [.. errors.EnumerateArray()] : []);

    private static JsonElement[]? Path(JsonElement error) =>
        error.ValueKind == JsonValueKind.Object && error.TryGetProperty("path", out var path) && path.ValueKind == JsonValueKind.Array ? [.. path.EnumerateArray()] : null;

    /// <summary>Entities of one step in one request, those that are the same asked for once.</summary>
    /// <param name="Hop">The step.</param>
    /// <param name="Key">Key of the question in the answer.</param>
    /// <param name="Targets">The objects that each element of the answer goes into.</param>
    private sealed record EntityQuestion(Hop Hop, string Key, HopTarget[][] Targets)
    {
        public void Fill(AnswerReader reader, JsonElement data)
        {
            var found = data.ValueKind == JsonValueKind.Object && data.TryGetProperty(Key, out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == Targets.Length ? list : default;
            for (var i = 0; i < Targets.Length && found.ValueKind == JsonValueKind.Array; i++)
            {
                foreach (var target in Targets[i].Where(_ => found[i].ValueKind == JsonValueKind.Object))
                    reader.Fill(target.Target, found[i], Hop.Selection);
            }
        }

        public void Place(AnswerReader reader, JsonElement error, JsonElement[] path)
        {
            if (path.Length == 1 || path[1].ValueKind != JsonValueKind.Number || !path[1].TryGetInt32(out var index) || index < 0 || index >= Targets.Length)
            {
                Fail(reader.Read(error));
                return;
            }
            foreach (var target in Targets[index])
            {
                if (path.Length == 2)
                    AnswerReader.Fail(target.Target, Hop.Selection, reader.Read(error));
                else
                    reader.Place(error, target.Target, path, 2);
            }
        }

        public void Fail(GraphError error)
        {
            foreach (var target in Targets.SelectMany(one => one))
                AnswerReader.Fail(target.Target, Hop.Selection, error);
        }
    }
}

/// <summary>What a caller sent along with an operation.</summary>
/// <param name="Variables">Its variables as they were sent.</param>
/// <param name="IdempotencyKey">The key of the request, or null.</param>
internal sealed record ComposedInput(JsonElement Variables, string? IdempotencyKey);
