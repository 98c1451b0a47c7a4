using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>GraphQL, with all that a step gives as variables.</summary>
internal sealed class GraphQLSurface(RunningHost host, Func<string> moreFields) : RememberingSurface
{
    public override string Name => "GraphQL";

    private string Fields => $"id revision owner team createdAt updatedAt number customer quantity total {{ amount currency }} note dueOn urgent weight tags address {{ street city }} status {moreFields()}";

    public override async Task<string> RunAsync(Step step)
    {
        var body = step.Body is null ? null : JsonNode.Parse(step.Body);
        var (query, variables) = step.Verb switch
        {
            "create" => ($"mutation($input: ShopOrderCreate!) {{ it: createShopOrder(input: $input) {{ {Fields} }} }}", Given(("input", body))),
            "get" => ($"query($id: ID!) {{ it: shopOrder(id: $id) {{ {Fields} }} }}", Given(("id", IdOf(step)))),
            "list" => ($"query($filter: ShopOrderFilter, $sort: [ShopOrderSort!], $q: String, $first: Int, $after: String) {{ it: shopOrders(filter: $filter, sort: $sort, q: $q, first: $first, after: $after) {{ nodes {{ {Fields} }} pageInfo {{ hasNextPage endCursor }} {(step.Count ? "totalCount" : "")} }} }}",
                Given(("filter", step.Filter is null ? null : FilterOf(JsonNode.Parse(step.Filter)!)), ("sort", step.Sort is null ? null : SortOf(step.Sort)), ("q", step.Words), ("first", step.Limit ?? 50), ("after", CursorOf(step)))),
            "update" => ($"mutation($id: ID!, $input: ShopOrderPatch!, $revision: Long) {{ it: updateShopOrder(id: $id, input: $input, ifRevision: $revision) {{ {Fields} }} }}", Given(("id", IdOf(step)), ("input", body), ("revision", step.IfRevision))),
            "delete" => ("mutation($id: ID!, $revision: Long) { it: deleteShopOrder(id: $id, ifRevision: $revision) }", Given(("id", IdOf(step)), ("revision", step.IfRevision))),
            var action when body is null => ($"mutation($id: ID!, $revision: Long) {{ it: {action}ShopOrder(id: $id, ifRevision: $revision) {{ {Fields} }} }}", Given(("id", IdOf(step)), ("revision", step.IfRevision))),
            var action => ($"mutation($id: ID!, $input: ShopOrder{char.ToUpperInvariant(action[0])}{action[1..]}Input!, $revision: Long) {{ it: {action}ShopOrder(id: $id, input: $input, ifRevision: $revision) {{ {Fields} }} }}", Given(("id", IdOf(step)), ("input", body), ("revision", step.IfRevision))),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = JsonContent.Create(new JsonObject { ["query"] = query, ["variables"] = variables }), Headers = { { "Authorization", "Bearer " + KeyOf(step) } } };
        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        var result = JsonNode.Parse(text)!;
        if (result["code"] is { } refused)
            return Outcome.Refused((string?)refused, []);
        // Each wrong value of a variable is an error of its own.
        if (result["errors"] is JsonArray errors)
            return Outcome.Refused((string?)errors[0]!["extensions"]?["code"], errors.SelectMany(e => e!["extensions"]?["errors"]?.AsArray() ?? []).Select(e => (string?)e!["pointer"]));
        var found = result["data"]?["it"];
        return step.Verb switch
        {
            // What is not there is null in GraphQL, which is its way to say so.
            "get" when found is null => Outcome.Refused("RESOURCE_NOT_FOUND", []),
            "delete" => Outcome.Deleted,
            "list" => Listed(found!["nodes"]!.AsArray(), (bool)found["pageInfo"]!["hasNextPage"]! ? (string?)found["pageInfo"]!["endCursor"] : null, (long?)found["totalCount"]),
            _ => Made(step, found),
        };
    }

    private static JsonObject Given(params (string Name, JsonNode? Value)[] variables) => new(variables.Where(a => a.Value is not null).Select(a => KeyValuePair.Create(a.Name, a.Value)));

    private static JsonArray SortOf(string sort) => [.. sort.Split(',').Select(word => (JsonNode)new JsonObject { ["field"] = word.TrimStart('-').Replace('.', '_'), ["descending"] = word.StartsWith('-') })];

    // {"quantity":{"$gte":5},"total.currency":"EUR"} is {quantity:{gte:5},total:{currency:{eq:"EUR"}}}.
    private static JsonObject FilterOf(JsonNode filter)
    {
        var result = new JsonObject();
        foreach (var (name, value) in filter.AsObject())
        {
            if (name is "$and" or "$or")
            {
                result[name[1..]] = new JsonArray([.. value!.AsArray().Select(part => FilterOf(part!))]);
                continue;
            }

            if (name == "$not")
            {
                result["not"] = FilterOf(value!);
                continue;
            }

            var at = result;
            var path = name.Split('.');
            foreach (var part in path[..^1])
                at = (at[part] ??= new JsonObject()).AsObject();
            at[path[^1]] = value is JsonObject operators
                ? new JsonObject(operators.Select(o => KeyValuePair.Create(o.Key.TrimStart('$'), ValueOf(name, o.Value))))
                : new JsonObject { ["eq"] = ValueOf(name, value) };
        }

        return result;
    }

    private static JsonNode? ValueOf(string field, JsonNode? value) =>
        field == "total" && value is JsonValue text && text.GetValueKind() == JsonValueKind.String && ((string)text!).Split(' ') is [var amount, var currency]
            ? new JsonObject { ["amount"] = amount, ["currency"] = currency }
            : value?.DeepClone();
}
