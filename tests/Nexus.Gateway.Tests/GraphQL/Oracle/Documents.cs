using System.Globalization;
using System.Text;

namespace Nexus.Gateway.Tests.GraphQL.Oracle;

/// <summary>Makes documents over the oracle's schema from a seed: mostly valid ones, some with a fault, some with their text damaged.</summary>
internal sealed class Documents(int seed)
{
    private static readonly Dictionary<string, (string Name, string Type, string[] Arguments)[]> Fields = new()
    {
        ["Query"] = [("me", "User", []), ("node", "Node", ["id: \"x\""]), ("nodes", "Node", ["ids: [\"a\"]", "ids: 1"]), ("search", "Result", ["text: \"q\"", "first: 2", "kinds: [BIG]"]), ("users", "User", []), ("loose", "User", []), ("strict", "User", []), ("dog", "Dog", []), ("pet", "Pet", []), ("cat", "Cat", []), ("echo", "", ["int: 3", "float: 1.5", "string: \"s\"", "boolean: false", "id: 7", "kind: SMALL", "list: [1, 2]", "matrix: [[1]]", "input: {required: 1}", "one: {a: 1}", "any: {x: 1}", "kinds: [BIG]"]), ("must", "", ["a: 1"]), ("broken", "", []), ("late", "", []), ("lateStrict", "", []), ("nothing", "", []), ("deep", "Deep", []), ("numbers", "Numbers", []), ("lists", "Lists", []), ("__typename", "", [])],
        ["User"] = [("id", "", []), ("name", "", []), ("age", "", ["unit: MONTHS"]), ("friends", "User", ["first: 1"]), ("bestFriend", "User", []), ("email", "", []), ("pets", "Pet", []), ("fault", "", []), ("kind", "", []), ("__typename", "", [])],
        ["Node"] = [("id", "", []), ("__typename", "", [])],
        ["Result"] = [("__typename", "", [])],
        ["Pet"] = [("name", "", ["surname: true"]), ("nickname", "", []), ("__typename", "", [])],
        ["Dog"] = [("id", "", []), ("name", "", []), ("barks", "", []), ("owner", "User", []), ("doesKnowCommand", "", ["command: SIT"]), ("isHouseTrained", "", ["atOtherHomes: true"])],
        ["Cat"] = [("id", "", []), ("name", "", []), ("lives", "", []), ("furColor", "", []), ("owner", "User", [])],
        ["Deep"] = [("a", "Deep", []), ("b", "Deep", []), ("leaf", "", []), ("fault", "", []), ("list", "Deep", []), ("loose", "Deep", [])],
        ["Numbers"] = [("int", "", []), ("big", "", []), ("fraction", "", []), ("float", "", []), ("text", "", []), ("flag", "", []), ("id", "", []), ("kind", "", []), ("badKind", "", [])],
        ["Lists"] = [("strict", "", []), ("loose", "", []), ("nested", "", []), ("notList", "", []), ("empty", "", []), ("late", "", [])],
    };

    private static readonly Dictionary<string, string[]> Narrow = new()
    {
        ["Node"] = ["User", "Dog", "Cat"], ["Result"] = ["User", "Dog", "Cat"], ["Pet"] = ["Dog", "Cat"], ["User"] = ["User", "Node"], ["Dog"] = ["Pet", "Node"], ["Cat"] = ["Pet", "Dog"],
    };

    private static readonly (string Name, string Type, string Use, string[] Values)[] Variables =
    [
        ("int", "Int", "echo(int: $int)", ["1", "null", "\"x\"", "1.5", "3000000000"]), ("must", "Int!", "must(a: $must)", ["1", "null", "true"]), ("list", "[Int]", "echo(list: $list)", ["[1,null]", "5", "[1,\"x\"]"]),
        ("input", "Complex", "echo(input: $input)", ["{\"required\":1}", "{}", "{\"required\":1,\"bogus\":[1,{\"a\":{\"b\":1}}]}", "{\"required\":1,\"list\":\"a\",\"inner\":{\"required\":2}}", "[1]"]),
        ("one", "Choice", "echo(one: $one)", ["{\"a\":1}", "{\"a\":1,\"b\":\"x\"}", "{\"a\":null}", "{}"]), ("kind", "Kind", "echo(kind: $kind)", ["\"BIG\"", "\"BIGG\"", "1"]), ("id", "ID", "echo(id: $id)", ["1", "\"a\"", "1.5", "true"]),
        ("any", "Any", "echo(any: {v: $any})", ["{\"x\":[1]}", "null", "3"]), ("text", "String = \"d\"", "echo(string: $text)", ["\"t\"", "5", "null"]), ("flag", "Boolean", "echo(boolean: $flag)", ["true", "\"true\"", "0"]), ("float", "Float!", "echo(float: $float)", ["1", "2.5", "\"1\""]),
    ];

    private readonly Random random = new(seed);
    private readonly List<(string Name, string Type)> wanted = [];

    public OracleCase Next()
    {
        wanted.Clear();
        var used = Variables.Where(_ => random.Next(12) == 0).ToArray();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"query Q{(used.Length > 0 ? $"({string.Join(", ", used.Select(v => $"${v.Name}: {v.Type}"))})" : "")} ");
        Select(text, "Query", random.Next(1, 4), string.Concat(used.Select(v => $"v_{v.Name}: {v.Use} ")));
        for (var i = 0; i < wanted.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nfragment {wanted[i].Name} on {wanted[i].Type} ");
            Select(text, wanted[i].Type, random.Next(0, 2), "");
        }
        var variables = "{" + string.Join(",", used.Where(_ => random.Next(5) > 0).Select(v => $"\"{v.Name}\":{v.Values[random.Next(random.Next(2) == 0 ? 1 : v.Values.Length)]}")) + "}";
        return new OracleCase(random.Next(4) == 0 ? Damage(text.ToString()) : text.ToString(), variables);
    }

    /// <summary>The text with some characters removed, doubled, swapped or replaced.</summary>
    public string Damage(string text)
    {
        var damaged = new StringBuilder(text);
        for (var times = random.Next(1, 4); times > 0 && damaged.Length > 1; times--)
        {
            var at = random.Next(damaged.Length - 1);
            switch (random.Next(5))
            {
                case 0: damaged.Remove(at, Math.Min(random.Next(1, 6), damaged.Length - at)); break;
                case 1: damaged.Insert(at, damaged[at]); break;
                case 2: (damaged[at], damaged[at + 1]) = (damaged[at + 1], damaged[at]); break;
                case 3: damaged.Insert(at, "{}()[]:!$@|&=.\"#\\,-0é\n\t"[random.Next(23)]); break;
                default: damaged[at] = "abcXYZ019_ {}"[random.Next(13)]; break;
            }
        }
        return damaged.ToString();
    }

    private void Select(StringBuilder text, string type, int depth, string first)
    {
        text.Append("{ ").Append(first);
        for (var count = random.Next(1, 5); count > 0; count--)
        {
            if (random.Next(6) == 0 && Narrow.TryGetValue(type, out var narrow))
                Fragment(text, narrow[random.Next(narrow.Length)], depth);
            else
                Field(text, type, depth);
        }
        text.Append("__typename } ");
    }

    private void Fragment(StringBuilder text, string type, int depth)
    {
        if (!Fields.ContainsKey(type) || wanted.Count > 6)
            return;
        if (random.Next(2) == 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"... on {type} ");
            Select(text, type, Math.Max(depth - 1, 0), "");
            return;
        }
        var name = $"F{wanted.Count}";
        wanted.Add((name, type));
        text.Append(CultureInfo.InvariantCulture, $"...{name} ");
    }

    private void Field(StringBuilder text, string type, int depth)
    {
        var fields = Fields[type].Where(f => depth > 0 || f.Type.Length == 0).ToArray();
        var (name, below, arguments) = fields[random.Next(fields.Length)];
        // An alias by its field keeps documents mostly mergeable; a free one makes conflicts.
        if (random.Next(4) == 0)
            text.Append(CultureInfo.InvariantCulture, $"{(random.Next(8) == 0 ? "x" : $"a{random.Next(50)}")}: ");
        text.Append(random.Next(60) == 0 ? name + "s" : name);
        var required = name is "node" or "must" or "doesKnowCommand";
        if (arguments.Length > 0 && (required || random.Next(4) == 0))
            text.Append(CultureInfo.InvariantCulture, $"({arguments[required ? 0 : random.Next(arguments.Length)]})");
        if (random.Next(12) == 0)
            text.Append(CultureInfo.InvariantCulture, $" @{(random.Next(2) == 0 ? "skip" : "include")}(if: {(random.Next(2) == 0 ? "true" : "false")})");
        text.Append(' ');
        if (below.Length > 0)
            Select(text, below, depth - 1, "");
    }
}
