using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.GraphQL.Federation;

/// <summary>What subgraphs make together, and what they cannot.</summary>
public sealed class Graph_composition
{
    private const string Link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\", \"@shareable\", \"@external\", \"@provides\", \"@override\", \"@requires\", \"@inaccessible\", \"@authenticated\"]) ";

    /// <summary>What two subgraphs add to a schema, and what is wrong with that.</summary>
    public static TheoryData<string, string, string> Contradictions { get; } = new()
    {
        { "type T { f: Int }", "scalar T", "T is an object in a and a scalar in b." },
        { "type T @shareable { f: Int }", "type T @shareable { f: [Int] }", "T.f is Int in a and [Int] in b." },
        { "type T @shareable { f: Int }", "type T { f: Int }", "T.f is given by a and b, and b does not mark it @shareable; let one of them give it." },
        { "extend type Query { x: Int }", "extend type Query { x: Int }", "Query.x is given by a and b, and a does not mark it @shareable; let one of them give it." },
        { "type T @shareable { f(x: Int!): Int }", "type T @shareable { f: Int }", "a demands T.f:x, which b does not take." },
        { "type T @shareable { f(x: Int): Int }", "type T @shareable { f(x: ID): Int }", "T.f:x is Int in a and ID in b." },
        { "input I { x: Int! } extend type Query { p(i: I): Int }", "input I { y: Int } extend type Query { q(i: I): Int }", "a demands I.x, which b does not take." },
        { "input I { x: Int } extend type Query { p(i: I): Int }", "input I { y: Int } extend type Query { q(i: I): Int }", "The input I has no field that a and b have in common." },
        { "enum E { A B } extend type Query { p(e: E): E }", "enum E { A } extend type Query { q: E }", "The enum E has not the same values in a and b; it is sent and returned, so it must." },
        { "type T @key(fields: \"id\") { id: ID! x: Int }", "type T @key(fields: \"sku\") { sku: ID! y: Int } extend type Query { t: T }", "T.x of a cannot be found for a T of b: b gives no @key of it." },
        { "type T @key(fields: \"id\", resolvable: false) { id: ID! x: Int }", "type T @key(fields: \"id\") { id: ID! } extend type Query { t: T }", "T.x of a cannot be found for a T of b: b gives no @key of it." },
        { "type T { f: Unknown }", "", "T.f of a is Unknown, a type that no subgraph has." },
        { "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") }", "", "T.y of a requires x, which no one subgraph gives whole." },
        { "type T @key(fields: \"id\") { id: ID! y: Int @requires(fields: \"x\") }", "", "T.y of a requires x, which a does not declare; declare it there as @external." },
        { "type T @key(fields: \"id\") { id: ID! x: Int y: Int @requires(fields: \"x\") } extend type Query { t: T }", "", "T.y of a requires x, which a gives itself; mark it @external there, or do not require it." },
        { "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! y: Int @external x: Int @requires(fields: \"y\") }", "T.y of a requires what requires it in the end." },
        { "type T { x: Int @external y: Int @requires(fields: \"x\") } extend type Query { t: T }", "type T { x: Int }", "T.y of a requires fields, and a finds no T by a @key to be sent them with." },
        { "type T @key(fields: \"id\") { id: ID! i: I @external y: Int @requires(fields: \"i { ... on V { f } }\") } interface I { f: Int @external } type V implements I { f: Int @external }", "type T @key(fields: \"id\") { id: ID! i: I } interface I { f: Int } type V implements I { f: Int } extend type Query { t: T }", "T.y of a has @requires that selects by type, which this gateway does not do." },
        { "type T @key(fields: \"id\") { id: ID! x: Int @override(from: \"b\", label: \"percent(5)\") }", "type T @key(fields: \"id\") { id: ID! x: Int } extend type Query { t: T }", "T.x of a has @override with a label, which this gateway does not do." },
        { "type T { f: Int @inaccessible } extend type Query { t: T }", "", "All of T is @inaccessible; it must be so too." },
        { "type T @inaccessible { f: Int } extend type Query { t: T }", "", "Query.t is T, which is @inaccessible; it must be so too." },
        { "enum E @inaccessible { A } extend type Query { t(e: E): Int }", "", "Query.t:e is E, which is @inaccessible; it must be so too." },
        { "extend type Query { t(e: Int! @inaccessible): Int }", "", "Query.t:e is demanded, so it cannot be @inaccessible." },
        { "enum E { A @inaccessible } extend type Query { e: E }", "", "All of E is @inaccessible; it must be so too." },
        { "interface I { f: Int g: Int } type T implements I { f: Int @inaccessible g: Int } extend type Query { i: I }", "", "T.f is @inaccessible, and I.f is not." },
        { "type T @key(fields: \"id\") { id: ID! f: Int @authenticated } extend type Query { t: T }", "", "T.f of a has @authenticated, which this gateway does not do." },
        { "union U = T type T { f: Int }", "enum U { A }", "U is a union in a and an enum in b." },
        { "type T @key(fields: \"{\") { id: ID! }", "", "What a tells of itself is no schema: Syntax Error: Expected Name, found \"{\". (line 1, column 2)." },
        { "type", "", "What a tells of itself is no schema: Syntax Error: Expected Name, found <EOF>." },
    };

    [Fact]
    public void Types_of_one_name_become_one_with_the_fields_of_all()
    {
        var composed = Compose(
            Link + """
            type Query { product(id: ID!, size: Int): Product all(filter: Filter): [Item] }
            "What is sold." type Product @key(fields: "id") { id: ID! name: String! price: Money }
            type Money @shareable { amount: Float! currency: String }
            input Filter { text: String! min: Int }
            interface Item { id: ID! }
            type Book implements Item { id: ID! pages: Int }
            union Found = Product | Book
            enum Mark { GOOD BAD }
            scalar Day @specifiedBy(url: "https://d.example")
            """,
            Link + """
            type Query { stock(mark: Mark): Int reviewed: Mark }
            extend type Product @key(fields: "id") { id: ID! @external stock(at: Day): Int @deprecated(reason: "Use stocks.") money: Money }
            type Money @shareable { amount: Float currency: String }
            input Filter { text: String max: Int }
            interface Item { id: ID! }
            type Disc implements Item { id: ID! minutes: Int }
            union Found = Disc
            enum Mark { GOOD BAD }
            scalar Day
            """);

        Assert.Equal(
            """"
            """Composed of a and b."""
            schema {
              query: Query
            }

            type Book implements Item {
              id: ID!
              pages: Int
            }

            scalar Day @specifiedBy(url: "https://d.example")

            type Disc implements Item {
              id: ID!
              minutes: Int
            }

            input Filter {
              text: String!
            }

            union Found = Product | Book | Disc

            interface Item {
              id: ID!
            }

            enum Mark {
              GOOD
              BAD
            }

            type Money {
              amount: Float
              currency: String
            }

            """What is sold."""
            type Product {
              id: ID!
              name: String!
              price: Money
              stock(at: Day): Int @deprecated(reason: "Use stocks.")
              money: Money
            }

            type Query {
              product(id: ID!, size: Int): Product
              all(filter: Filter): [Item]
              stock(mark: Mark): Int
              reviewed: Mark
            }

            """",
            SchemaPrinter.Print(composed.Schema));
        Assert.Equal(["b"], composed.Owners("Product", "stock"));
        Assert.Equal(["a", "b"], composed.Owners("Product", "id"));
        Assert.Equal(["a", "b"], composed.Owners("Money", "amount"));
    }

    [Fact]
    public void What_is_inaccessible_in_one_subgraph_is_seen_by_no_caller()
    {
        var composed = Compose(Texts(
            "type T @key(fields: \"id\") { id: ID! x: Int @inaccessible } type S @inaccessible { a: Int } union U = S | T enum E { A B @inaccessible } input I { a: Int b: Int @inaccessible } extend type Query { t: T u: U e(e: E, i: I, old: Int = 3 @inaccessible): E s: S @inaccessible }",
            "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") }"));

        Assert.Null(composed.Schema.Find("S"));
        Assert.Equal("union U = T\n", SchemaPrinter.PrintPart(composed.Schema.Find("U")!));
        Assert.Equal("enum E {\n  A\n}\n", SchemaPrinter.PrintPart(composed.Schema.Find("E")!));
        Assert.Equal("input I {\n  a: Int\n}\n", SchemaPrinter.PrintPart(composed.Schema.Find("I")!));
        Assert.Equal("type T {\n  id: ID!\n  y: Int\n}\n", SchemaPrinter.PrintPart(composed.Schema.Find("T")!));
        Assert.Equal("e(e: E, i: I): E\n", SchemaPrinter.PrintPart(composed.Schema.Query.Find("e")!));
        Assert.Null(composed.Schema.Query.Find("s"));
        Assert.Equal(["a"], composed.Owners("T", "x"));
    }

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void A_contradiction_names_the_subgraphs_and_the_place(string a, string b, string problem)
    {
        var refused = Assert.Throws<CompositionException>(() => Compose(Texts(a, b)));

        Assert.Contains(refused.Problems, one => one.StartsWith(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_contradiction_is_told_at_once()
    {
        var refused = Assert.Throws<CompositionException>(() => Compose(Link + "type Query { x: Int y: Int }", Link + "type Query { x: Int y: Int }"));

        Assert.Equal(["Query.x", "Query.y"], refused.Problems.Select(problem => problem[..7]));
    }

    [Fact]
    public void A_field_can_be_taken_over()
    {
        var composed = Compose(
            Link + "type Query { t: T } type T @key(fields: \"id\") { id: ID! f: Int }",
            Link + "type T @key(fields: \"id\") { id: ID! f: Int @override(from: \"a\") }");

        Assert.Equal(["b"], composed.Owners("T", "f"));
    }

    [Fact]
    public void Imports_may_rename_directives_and_leave_them_out()
    {
        var composed = Compose(
            """extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: [{name: "@key", as: "@unique"}]) schema { query: Root } type Root { t: T } type T @unique(fields: "id") { id: ID! x: Int @federation__shareable }""",
            Link + """type Query { u: Int } type T @key(fields: "id") { id: ID! x: Int @shareable y: Int }""");

        Assert.Equal(["a", "b"], composed.Owners("T", "x"));
        Assert.NotNull(composed.KeyBetween("T", "a", "b"));
        Assert.Equal(["a"], composed.Owners("Query", "t"));
    }

    [Fact]
    public void Without_a_link_a_subgraph_is_of_the_first_federation_and_shares_what_it_has()
    {
        var composed = Compose(
            """type Query { t: T } type T @key(fields: "id") { id: ID! } type V { a: Int }""",
            """type Query { v: V } extend type T @key(fields: "id") { id: ID! @external y: V } type V { a: Int } union _Entity = T scalar _Any type _Service { sdl: String }""");

        Assert.Equal(["a", "b"], composed.Owners("V", "a"));
        Assert.Null(composed.Schema.Find("_Entity"));
        Assert.NotNull(composed.KeyBetween("T", "a", "b"));
    }

    [Fact]
    public async Task A_foreign_composer_refuses_and_accepts_the_same()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync("federation");
        string[][] refused = [.. Contradictions.Where(row => !row.Data.Item3.Contains("which this gateway does not do", StringComparison.Ordinal)).Select(row => Texts(row.Data.Item1, row.Data.Item2))];
        string[][] accepted = [.. Accepted.Select(one => Texts(one.A, one.B))];
        var cases = Path.GetTempFileName();
        await File.WriteAllTextAsync(cases, JsonSerializer.Serialize(refused.Concat(accepted)), TestContext.Current.CancellationToken);

        var judged = JsonNode.Parse(await ForeignTools.RunAsync(node, tools, "judge.mjs", cases))!.AsArray();
        File.Delete(cases);

        Assert.Equal(refused.Length + accepted.Length, judged.Count);
        Assert.All(judged.Take(refused.Length).Zip(refused), one => Assert.True(one.First!.AsArray().Count > 0, $"Apollo accepts {string.Join("\n", one.Second)}"));
        Assert.All(judged.Skip(refused.Length).Zip(accepted), one => Assert.True(one.First!.AsArray().Count == 0, $"Apollo refuses {string.Join("\n", one.Second)}: {one.First}"));
        Assert.All(accepted, texts => Compose(texts));
    }

    private static readonly (string A, string B)[] Accepted =
    [
        ("type T @shareable { f: Int! }", "type T @shareable { f: Int }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! y: Int }"),
        ("type T @key(fields: \"id\", resolvable: false) { id: ID! } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! y: Int }"),
        ("type T @key(fields: \"id sku\") { id: ID! sku: String x: Int }", "type T @key(fields: \"id sku\") { id: ID! sku: String y: Int }"),
        ("type T @key(fields: \"o { id }\") { o: O x: Int } type O @shareable { id: ID! }", "type T @key(fields: \"o { id }\") { o: O y: Int } type O @shareable { id: ID! }"),
        ("input I { x: Int y: Int } extend type Query { p(i: I): Int }", "input I { y: Int! } extend type Query { q(i: I): Int }"),
        ("enum E { A B } extend type Query { p: E }", "enum E { A C } extend type Query { q: E }"),
        ("enum E { A B } extend type Query { p(e: E): Int }", "enum E { A C } extend type Query { q(e: E): Int }"),
        ("union U = T type T @shareable { f: Int } extend type Query { u: U }", "union U = T | V type T @shareable { f: Int } type V { g: Int } extend type Query { w: U }"),
        ("type T @shareable { f(x: Int): Int }", "type T @shareable { f: Int }"),
        ("type T @key(fields: \"id\") { id: ID! f: Int }", "type T @key(fields: \"id\") { id: ID! f: Int @override(from: \"a\") }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") }"),
        ("type T @key(fields: \"id\") { id: ID! o: O } type O @shareable { p: Int q: Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! o: O @external y: Int @requires(fields: \"o { p q }\") } type O @shareable { p: Int q: Int }"),
        ("type T @key(fields: \"id\") { id: ID! o: O } type O { p: Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! o: O @external y: Int @requires(fields: \"o { p }\") } type O { p: Int @external }"),
        ("type T @key(fields: \"id\") { id: ID! x(unit: String): Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! x(unit: String): Int @external y: Int @requires(fields: \"x(unit: \\\"g\\\")\") } extend type Query { s: T }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int y: Int @external z: Int @requires(fields: \"y\") } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int }", "type T @key(fields: \"sku\") { sku: ID! y: Int }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int @inaccessible } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int @requires(fields: \"x\") }"),
        ("type T @key(fields: \"id\") { id: ID! @inaccessible x: Int } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! y: Int }"),
        ("type T @inaccessible { x: Int } union U = T | V type V { y: Int } extend type Query { u: U }", ""),
        ("enum E { A B @inaccessible } input I { a: Int b: Int @inaccessible } extend type Query { e(e: E, i: I, old: Int = 3 @inaccessible): E }", ""),
        ("interface I { id: ID! } type T implements I @key(fields: \"id\") { id: ID! x: Int } extend type Query { i: I }", "interface I { id: ID! } type V implements I { id: ID! } extend type Query { j: I }"),
        ("type T @key(fields: \"id\") { id: ID! x: Int @shareable } extend type Query { t: T }", "type T @key(fields: \"id\") { id: ID! x: Int @external y: Int } extend type Query { s: T @provides(fields: \"x\") }"),
    ];

    private static string[] Texts(string a, string b) => [$"{Link} type Query {{ fromA: Int }} {a}", $"{Link} type Query {{ fromB: Int }} {b}"];

    private static ComposedSchema Compose(params string[] texts) =>
        Composer.Compose(texts.Select((text, i) => SubgraphDocument.Read(((char)('a' + i)).ToString(), text)));
}
