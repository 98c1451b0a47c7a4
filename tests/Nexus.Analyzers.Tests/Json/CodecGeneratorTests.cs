using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Text.Json;
using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Tests.Json;

public sealed class CodecGeneratorTests
{
    private const string Source = """
        namespace Shop;
        public enum Size { Small, ExtraLarge }
        [Flags] public enum Days { None = 0, Monday = 1, Tuesday = 2 }
        public readonly record struct Point(int X, double Y);
        public sealed record Customer(string Name) : Resource;
        public sealed record Line(string Text, decimal Price, Size? Size = Size.ExtraLarge, int Count = 7);
        public sealed record Everything(string Name, Guid Key, Money Total, Ref<Customer> Customer, ImmutableArray<Line> Lines)
        {
            public bool Yes { get; init; } = true;
            public byte B { get; init; }
            public long L { get; init; }
            public ulong U { get; init; }
            public float F { get; init; }
            public DateOnly Date { get; init; }
            public TimeOnly Time { get; set; }
            public DateTimeOffset At { get; init; }
            public TimeSpan Span { get; init; }
            public Days Days { get; init; }
            public Size Size { get; init; }
            public Point Point { get; init; }
            public int? Maybe { get; init; }
            public Line? Next { get; init; }
            public List<string?> Words { get; init; } = ["default"];
            public string[][] Nested { get; init; } = [];
            public IReadOnlyDictionary<string, ImmutableArray<Point>> Map { get; init; } = new Dictionary<string, ImmutableArray<Point>>();
            public Dictionary<int, string> Numbered { get; init; } = [];
            public byte[] Bytes { get; init; } = [];
            public System.Text.Json.JsonElement Free { get; init; }
            [System.Text.Json.Serialization.JsonPropertyName("odd-name")] public string? Odd { get; init; }
            [System.Text.Json.Serialization.JsonIgnore] public string Hidden { get; init; } = "hidden";
            public string Computed => Name + "!";
            public string IDNumber { get; init; } = "";
            public string @class { get; init; } = "";
        }
        public sealed record Strict(string Name) { public required int Count { get; init; } }
        public sealed record Order(string Number, Money Total) : Resource { [ReadOnlyField] public Size Size { get; init; } = Size.ExtraLarge; }
        public static class Probe
        {
            public static JsonCodec<Everything> Codec => JsonCodec.For<Everything>();
            public static JsonCodec<Strict> Strict => JsonCodec.For<Strict>();
            public static JsonCodec<Order> Order => JsonCodec.For<Order>();
            public static string Full() => Text(Codec.Serialize(new("Ada \"ü\"", new Guid("0198c5b4-0000-7000-8000-000000000001"), new(12.30m, "EUR"), new(new Guid("0198c5b4-0000-7000-8000-000000000002")), [new("tea", 2.50m), new("x", -0.000m, null, 1)])
            {
                Yes = false, B = 255, L = long.MinValue, U = ulong.MaxValue, F = 1.5f, Date = new(2026, 3, 1), Time = new(13, 5, 9), At = new(2026, 3, 1, 12, 0, 0, TimeSpan.FromHours(2)),
                Span = TimeSpan.FromMinutes(90), Days = Days.Monday | Days.Tuesday, Size = Size.ExtraLarge, Point = new(1, 2.5), Maybe = 0, Next = new("n", 1m),
                Words = ["a", null], Nested = [["x"], []], Map = new Dictionary<string, ImmutableArray<Point>> { ["Key One"] = [new(3, 4)] }, Numbered = new() { [5] = "five" },
                Bytes = [1, 2, 3], Free = System.Text.Json.JsonDocument.Parse("{\"a\":[1]}").RootElement, Odd = "o", Hidden = "no", IDNumber = "7", @class = "c",
            }));
            public static string Again(string json) => Text(Codec.Serialize(Codec.Deserialize(System.Text.Encoding.UTF8.GetBytes(json))));
            public static string ReadStrict(string json) => Strict.Deserialize(System.Text.Encoding.UTF8.GetBytes(json))!.ToString();
            public static string Fields()
            {
                var buffer = new System.Buffers.ArrayBufferWriter<byte>();
                using var writer = new System.Text.Json.Utf8JsonWriter(buffer);
                var did = Order.TryWriteFields(writer, new Order("R-1", new(1m, "EUR")) { Id = Guid.NewGuid(), Revision = 4 });
                writer.Flush();
                return did + " " + Text(buffer.WrittenSpan.ToArray());
            }
            private static string Text(byte[] json) => System.Text.Encoding.UTF8.GetString(json);
        }
        """;

    private static readonly Lazy<Type> Generated = new(() => Compiled.From(Source).Load().GetType("Shop.Probe")!);
    private static readonly Lazy<Type> Reflected = new(() => Compiled.Plain(Source).Load().GetType("Shop.Probe")!);

    [Fact]
    public void The_codec_is_the_generated_one()
    {
        Assert.Equal("Shop_Everything_Codec", Generated.Value.GetProperty("Codec")!.GetValue(null)!.GetType().Name);
        Assert.StartsWith("ReflectionCodec", Reflected.Value.GetProperty("Codec")!.GetValue(null)!.GetType().Name, StringComparison.Ordinal);
    }

    [Fact]
    public void Generated_and_reflected_codecs_write_the_same()
    {
        var text = Call(Generated, "Full");

        Assert.Equal(Sorted(Call(Reflected, "Full")), Sorted(text));
        Assert.Contains("\"odd-name\":\"o\"", text);
        Assert.Contains("\"idNumber\":\"7\"", text);
        Assert.DoesNotContain("computed", text);
        Assert.DoesNotContain("hidden", text);
    }

    [Fact]
    public void What_one_codec_wrote_the_other_reads()
    {
        var text = Call(Generated, "Full");

        Assert.Equal(text, Call(Generated, "Again", text));
        Assert.Equal(Sorted(text), Sorted(Call(Reflected, "Again", text)));
    }

    [Fact]
    public void Members_that_are_left_out_keep_their_own_defaults()
    {
        var read = JsonDocument.Parse(Call(Generated, "Again", """{"name":"A","unknown":{"x":[1]},"lines":[{"text":"t","price":"1.20"}]}""")).RootElement;

        Assert.Equal("[\"default\"]", read.GetProperty("words").GetRawText());
        Assert.True(read.GetProperty("yes").GetBoolean());
        Assert.Equal("""[{"text":"t","price":1.20,"size":"ExtraLarge","count":7}]""", read.GetProperty("lines").GetRawText());
    }

    [Theory]
    [InlineData("""{"name":5}""", "$.name: Expected a string, found 5.")]
    [InlineData("""{"b":256}""", "$.b: 256 is not between 0 and 255.")]
    [InlineData("""{"lines":[{"text":"a","price":1},{"price":"x"}]}""", "$.lines[1].price: Expected a decimal number, found \"x\".")]
    [InlineData("""{"map":{"k":[{"x":true}]}}""", "$.map.k[0].x: Expected a whole number, found true.")]
    [InlineData("""{"size":"Huge"}""", "$.size: Expected one of Small, ExtraLarge, found \"Huge\".")]
    [InlineData("""{"size":1}""", "$.size: Expected one of Small, ExtraLarge, found 1.")]
    [InlineData("""{"key":"x"}""", "$.key: Expected a UUID, found \"x\".")]
    [InlineData("""{"date":"2026-02-30"}""", "$.date: \"2026-02-30\" is not a date; write it as yyyy-MM-dd.")]
    [InlineData("""{"total":{"amount":"1"}}""", "$.total: Money needs an amount and a currency: {\"amount\":\"12.30\",\"currency\":\"EUR\"}.")]
    [InlineData("""[]""", "Expected an object, found an array.")]
    public void A_reading_error_names_the_member_and_what_was_expected(string json, string message)
    {
        var error = Assert.Throws<TargetInvocationException>(() => Call(Generated, "Again", json)).InnerException;

        Assert.Equal(message, Assert.IsAssignableFrom<JsonException>(error).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"name\":\"a\"")]
    [InlineData("{\"name\":}")]
    [InlineData("{\"name\":\"a\"} x")]
    [InlineData("{\"lines\":[{]}")]
    public void Broken_json_is_refused(string json) =>
        Assert.IsAssignableFrom<JsonException>(Assert.Throws<TargetInvocationException>(() => Call(Generated, "Again", json)).InnerException);

    [Fact]
    public void A_required_member_must_be_there()
    {
        var error = Assert.Throws<TargetInvocationException>(() => Call(Generated, "ReadStrict", """{"name":"A"}""")).InnerException;

        Assert.Equal("$.count: The member is required.", error!.Message);
        Assert.Equal("Strict { Name = A, Count = 3 }", Call(Generated, "ReadStrict", """{"count":3,"name":"A"}"""));
    }

    [Fact]
    public void A_resource_can_be_written_without_what_the_platform_sets()
    {
        Assert.Equal("""True {"number":"R-1","total":{"amount":"1","currency":"EUR"},"size":"ExtraLarge"}""", Call(Generated, "Fields"));
        Assert.Equal("False ", Call(Reflected, "Fields"));
    }

    [Fact]
    public void Records_are_found_by_their_use()
    {
        var source = Compiled.From("""
            sealed record Published(int A); sealed record Handled(Inner I); sealed record Inner(int A); sealed record Stored(int A) : Resource; sealed record Unused(int A);
            [ServiceContract] public interface IStock { Task<ImmutableArray<Answer>> AskAsync(Question? question, CancellationToken token); }
            public sealed record Question(int A); public sealed record Answer(int A);
            static class P
            {
                static void Use(IPluginBuilder plugin, IEvents events)
                {
                    events.PublishAsync(new Published(1));
                    plugin.On<Handled>((e, t) => Task.CompletedTask);
                    plugin.AddResource<Stored>("stored");
                }
            }
            """).Compilation.SyntaxTrees.Single(tree => tree.FilePath.EndsWith("Nexus.Codecs.g.cs", StringComparison.Ordinal)).ToString();

        Assert.Equal(["Answer", "Handled", "Inner", "Published", "Question", "Stored"],
            source.Split('\n').Where(line => line.Contains("if (type == typeof(global::")).Select(line => line.Split("global::")[1].Split(')')[0]).Where(name => !name.Contains("Nexus")));
    }

    [Fact]
    public void All_public_records_of_a_contract_assembly_get_codecs()
    {
        var contracts = Compiled.From("[assembly: ContractAssembly] namespace C { public sealed record Placed(int Number); internal sealed record Own(int A); }", "Contracts");
        var plugin = Compiled.From("public static class P { public static object Codec => JsonCodec.For<C.Placed>(); }", "Plugin", contracts);

        Assert.Equal("C_Placed_Codec", plugin.Load(contracts.Load()).GetType("P")!.GetProperty("Codec")!.GetValue(null)!.GetType().Name);
    }

    [Theory]
    [InlineData("class P { sealed record Inner(int A); object O => JsonCodec.For<Inner>(); }", "private")]
    [InlineData("class P<T> {} class Q { object O => JsonCodec.For<P<int>>(); }", "generic")]
    [InlineData("abstract record P; class Q { object O => JsonCodec.For<P>(); }", "abstract")]
    [InlineData("class P { public P(int a) {} } class Q { object O => JsonCodec.For<P>(); }", "parameter a")]
    public void A_type_that_gets_no_codec_is_reported_with_the_reason(string source, string reason)
    {
        var finding = Assert.Single(Compiled.From(source).Generated);

        Assert.Equal(("NX1101", DiagnosticSeverity.Info), (finding.Id, finding.Severity));
        Assert.Contains(reason, finding.GetMessage(null));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_codec_in_use_lets_its_assembly_go(bool generated)
    {
        var context = UseAndUnload(generated);

        // Others compile and read at the same time, and hold what they work with for a moment.
        for (var round = 0; context.IsAlive && round < 1000; round++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            if (!generated)
                SweepJsonCaches();
        }

        Assert.False(context.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference UseAndUnload(bool generated)
    {
        var assembly = (generated ? Compiled.From(Source) : Compiled.Plain(Source)).Load();
        var probe = assembly.GetType("Shop.Probe")!;
        probe.GetMethod("ReadStrict")!.CreateDelegate<Func<string, string>>()("""{"name":"A","count":1}""");
        probe.GetMethod("Fields")!.CreateDelegate<Func<string>>()();
        var context = AssemblyLoadContext.GetLoadContext(assembly)!;
        context.Unload();
        return new(context, trackResurrection: true);
    }

    /// <summary>What the kernel does after each unload: the serializer keeps accessors of types that it met by reflection.</summary>
    private static void SweepJsonCaches() =>
        typeof(JsonSerializer).Assembly.GetType("System.Text.Json.JsonSerializerOptionsUpdateHandler")!.GetMethod("ClearCache", BindingFlags.Static | BindingFlags.Public)!.Invoke(null, [null]);

    private static string Call(Lazy<Type> probe, string method, params object[] arguments) => (string)probe.Value.GetMethod(method)!.Invoke(null, arguments)!;

    private static string Sorted(string json) => string.Join(",", JsonDocument.Parse(json).RootElement.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).Select(member => member.ToString()));
}
