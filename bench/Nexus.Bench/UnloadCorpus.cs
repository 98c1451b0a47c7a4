using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Nexus.Tests.Shared;

namespace Nexus.Bench;

/// <summary>One thing that keeps plugins alive elsewhere.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Use">Statements run by a request; <c>s</c> is the provider, <c>port</c> that of the node.</param>
/// <param name="Configure">Statements of Configure.</param>
/// <param name="Types">Types beside the plugin class.</param>
/// <param name="Routes">Further addresses to ask for; one that must fail begins with an exclamation mark.</param>
internal sealed record UnloadCause(string Name, string Use = "", string Configure = "", string Types = "", string Routes = "");

/// <summary>Plugins, from source, that use what is known to keep plugins alive and has a cure.</summary>
internal static class UnloadCorpus
{
    public static IReadOnlyList<UnloadCause> Rows { get; } =
    [
        new("nothing at all"),
        new("endpoints by reflection", Configure: "plugin.MapEndpoints(r => r.MapGet(\"/bind/{id}\", (int id, Moment when, [AsParameters] Query query, HttpContext http) => new Answer(id, when.At, query.Text)));",
            Types: "public readonly record struct Moment(int At) { public static bool TryParse(string text, out Moment moment) { moment = new(int.Parse(text)); return true; } } public sealed record Query(string? Text, [property: System.ComponentModel.DataAnnotations.Range(1, 9)] int Number = 1); public sealed record Answer(int Id, int At, string? Text);",
            Routes: "bind/7?when=2&text=x"),
        new("parameters that bind themselves", Configure: "plugin.MapEndpoints(r => r.MapGet(\"/self\", (Bound bound) => bound.Text));",
            Types: "public sealed record Bound(string Text) { public static ValueTask<Bound?> BindAsync(HttpContext http, System.Reflection.ParameterInfo parameter) => new(new Bound(http.Request.Path)); }", Routes: "self"),
        new("System.Text.Json by reflection", "System.Text.Json.JsonSerializer.Deserialize<List<Node>>(System.Text.Json.JsonSerializer.Serialize(new List<Node> { new() { Name = \"x\", Next = new() } }));", Types: "public sealed class Node { public string? Name { get; set; } public Node? Next { get; set; } public Kind Kind { get; set; } } public enum Kind { One, Two }"),
        new("loggers and options of its types", "s.GetRequiredService<ILogger<Settings>>().LogInformation(\"{Settings}\", new Settings()); _ = s.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitor<Settings>>().CurrentValue; _ = s.GetRequiredService<Microsoft.Extensions.Options.IOptionsSnapshot<Settings>>().Value;", Types: "public sealed class Settings { public int Limit { get; set; } }"),
        new("TypeDescriptor", "_ = System.ComponentModel.TypeDescriptor.GetProperties(typeof(Described)); _ = System.ComponentModel.TypeDescriptor.GetConverter(typeof(Described)); _ = System.ComponentModel.TypeDescriptor.GetAttributes(new Described());", Types: "[System.ComponentModel.DefaultProperty(\"Name\")] public sealed class Described { [System.ComponentModel.DefaultValue(1)] public int Name { get; set; } }"),
        new("DataAnnotations", "var validated = new Validated(); System.ComponentModel.DataAnnotations.Validator.TryValidateObject(validated, new System.ComponentModel.DataAnnotations.ValidationContext(validated), [], true);", Types: "[System.ComponentModel.DataAnnotations.MetadataType(typeof(ValidatedMore))] public sealed class Validated : System.ComponentModel.DataAnnotations.IValidatableObject { [System.ComponentModel.DataAnnotations.Required] public string? Name { get; set; } public IEnumerable<System.ComponentModel.DataAnnotations.ValidationResult> Validate(System.ComponentModel.DataAnnotations.ValidationContext context) => []; } public sealed class ValidatedMore { public string? Name { get; set; } }"),
        new("XmlSerializer", "new System.Xml.Serialization.XmlSerializer(typeof(Xml)).Serialize(Stream.Null, new Xml()); new System.Runtime.Serialization.DataContractSerializer(typeof(Xml)).WriteObject(Stream.Null, new Xml());", Types: "public sealed class Xml { public string Name { get; set; } = \"x\"; }"),
        new("meters of the host's factory", "s.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>().Create(new System.Diagnostics.Metrics.MeterOptions(\"corpus\")).CreateObservableGauge(\"size\", () => new Measured().Size);", Types: "public sealed class Measured { public int Size => 1; }"),
        new("outbound clients", "(await s.GetRequiredService<System.Net.Http.IHttpClientFactory>().CreateClient(\"typed\").GetAsync($\"http://127.0.0.1:{port}/health/live\")).Dispose();", "plugin.Services.AddTransient<Outbound>(); plugin.Services.AddHttpClient(\"typed\").AddHttpMessageHandler<Outbound>();", "public sealed class Outbound : System.Net.Http.DelegatingHandler;"),
        new("compiled regular expressions", "_ = new System.Text.RegularExpressions.Regex(\"^(a|b)+c$\", System.Text.RegularExpressions.RegexOptions.Compiled).Replace(\"abc\", m => new Matched(m.Value).ToString()); _ = System.Text.RegularExpressions.Regex.IsMatch(\"x\", \"[a-z]+\");", Types: "public sealed record Matched(string Text);"),
        new("compiled expression trees", "System.Linq.Expressions.Expression<Func<Tree, bool>> tree = t => t.Size > 2 && t.Name.StartsWith(\"x\"); _ = tree.Compile()(new Tree(\"xy\", 3)); _ = new[] { new Tree(\"x\", 3) }.AsQueryable().Where(tree).OrderBy(t => t.Name).ToArray();", Types: "public sealed record Tree(string Name, int Size);"),
        new("interpreted expression trees", "var least = 2; System.Linq.Expressions.Expression<Func<Leaf, bool>> leaf = l => l.Size > least && l.Grown() != null && l.Name.StartsWith(\"x\"); _ = leaf.Compile(preferInterpretation: true)(new Leaf(\"xy\", 3));", Types: "public sealed record Leaf(string Name, int Size) { public Leaf Grown() => this; }"),
        new("reflection", "_ = Activator.CreateInstance(typeof(Made)); _ = typeof(Made).GetMethod(\"Go\")!.Invoke(new Made(), [1]); _ = ActivatorUtilities.CreateInstance<Made>(s); _ = typeof(Made).GetProperty(\"Size\")!.GetGetMethod()!.CreateDelegate<Func<Made, int>>()(new Made()); _ = System.Reflection.DispatchProxy.Create<IShape, Shaped>().ToString();", Types: "public sealed class Made { public int Size => 2; public int Go(int n) => n; } public interface IShape; public class Shaped : System.Reflection.DispatchProxy { protected override object? Invoke(System.Reflection.MethodInfo? method, object?[]? arguments) => null; }"),
        new("events", "for (var i = 0; i < 2; i++) { Hearing.Heard = new(TaskCreationOptions.RunContinuationsAsynchronously); await s.GetRequiredService<IEvents>().PublishAsync(new Happened(i, \"x\"), i == 0 ? Delivery.Durable : Delivery.Transient); await Hearing.Heard.Task.WaitAsync(TimeSpan.FromSeconds(20)); }",
            "plugin.On<Happened>((s, e, t) => { Hearing.Heard?.TrySetResult(); return Task.CompletedTask; }); plugin.On(\"nobody.*\", (e, t) => throw new InvalidOperationException());", "[Event(\"corpus.happened\")] public sealed record Happened(int Number, string Text); public static class Hearing { public static TaskCompletionSource? Heard; }"),
        new("service proxies", "await s.GetRequiredService<IServices>().Get<IGreet>().GreetAsync(new Whom(\"Ada\"), default); try { await s.GetRequiredService<IServices>().Get<IGreet>().GreetAsync(new Whom(\"\"), default); } catch (Exception e) when (e is not NullReferenceException) { }", "plugin.Provide<IGreet, Greet>();",
            "[ServiceContract] public interface IGreet { Task<string> GreetAsync(Whom whom, CancellationToken token); } public sealed record Whom(string Name); public sealed class Greet : IGreet { public async Task<string> GreetAsync(Whom whom, CancellationToken token) { await Task.Yield(); return whom.Name.Length > 0 ? whom.Name : throw new InvalidOperationException(\"nobody\"); } }"),
        new("resources", "var things = s.GetRequiredService<IRepository<Thing>>(); var thing = await things.CreateAsync(new Thing(\"x\", 3)); var size = thing.Size; await things.ListAsync(new Specification<Thing>(t => t.Size == size && t.Name == \"x\"), 5); await things.DeleteAsync(thing.Id);",
            "plugin.AddResource<Thing>(\"things\", things => things.Index(t => t.Size).Search(t => t.Name).Action(\"grow\", t => t with { Size = t.Size + 1 }));", "public sealed record Thing([property: System.ComponentModel.DataAnnotations.StringLength(20)] string Name, int Size) : Resource;"),
        new("documents, SQL and blobs", "await s.GetRequiredService<IDocuments>().CommitAsync([new DocumentWrite(\"data/x\", System.Text.Json.Nodes.JsonValue.Create(1))]); await s.GetRequiredService<ISqlDatabase>().WriteAsync(async (db, t) => { await db.ExecuteAsync(\"CREATE TABLE IF NOT EXISTS x(a)\"); return new Row(1); }); await s.GetRequiredService<ISqlDatabase>().QueryAsync(\"SELECT * FROM x\"); await s.GetRequiredService<IBlobs>().PutAsync(new MemoryStream([1, 2]));", Types: "public sealed record Row(int A);"),
        new("exceptions", "try { throw new Broken(1); } catch (Broken) { } try { await Task.FromException(new Broken(2)); } catch (Broken) { } _ = Task.Run(() => throw new Broken(3)); s.GetRequiredService<ILoggerFactory>().CreateLogger(\"x\").LogError(new Broken(4), \"logged\");", "plugin.MapEndpoints(r => { r.MapGet(\"/throws\", string () => throw new Broken(5)); r.MapGet(\"/rule\", string () => throw new RuleViolationException(\"no\")); });", "public sealed class Broken(int code) : Exception($\"broken {code}\") { public Type Where => typeof(Broken); }", "!throws !rule"),
        new("background work that ends with its generation", Configure: "plugin.Services.AddHostedService<Background>(); plugin.Services.AddSingleton<Ticking>();", Use: "_ = s.GetRequiredService<Ticking>();",
            Types: "public sealed class Background : Microsoft.Extensions.Hosting.BackgroundService { protected override async Task ExecuteAsync(CancellationToken stop) { using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20)); while (await timer.WaitForNextTickAsync(stop)) { } } } public sealed class Ticking : IDisposable { private readonly Timer timer = new(_ => new object(), null, 5, 5); public void Dispose() => timer.Dispose(); }"),
        new("ambient values", "Ambient.Value.Value = new Ambient(); await Task.Yield(); using (new System.Diagnostics.Activity(\"x\").SetCustom()) { }", Types: "public sealed class Ambient { public static readonly AsyncLocal<Ambient?> Value = new(); } public static class Custom { public static System.Diagnostics.Activity SetCustom(this System.Diagnostics.Activity activity) { activity.SetCustomProperty(\"x\", new Ambient2()); return activity.Start(); } } public sealed class Ambient2;"),
        new("middleware", Configure: "plugin.UseMiddleware(async (http, next) => { http.Items[\"x\"] = new Passed(); await next(); });", Types: "public sealed class Passed;"),
        new("generic instances of its types in the framework", "_ = new Dictionary<Key, List<Key>> { [new(1)] = [new(2)] }.OrderBy(p => p.Key.N).ToLookup(p => p.Key); _ = Comparer<Key>.Default; _ = Enum.Parse<Colour>(\"Red\").ToString(); var channel = System.Threading.Channels.Channel.CreateUnbounded<Key>(); await channel.Writer.WriteAsync(new(1)); _ = await channel.Reader.ReadAsync(); _ = System.Collections.Immutable.ImmutableArray.Create(new Key(1)); _ = string.Format(\"{0:x}\", new Key(3));", Types: "public readonly record struct Key(int N); public enum Colour { Red }"),
    ];

    /// <summary>Writes a plugin with some of the causes.</summary>
    public static string Write(string folder, string id, IReadOnlyList<UnloadCause> rows)
    {
        string[] routes = [.. rows.SelectMany((r, i) => r.Use.Length > 0 ? [$"use{i}?port={{port}}"] : Array.Empty<string>()), .. rows.SelectMany(r => r.Routes.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        var uses = rows.Select((r, i) => r.Use.Length == 0 ? "" : $"plugin.MapEndpoints(r => r.MapGet(\"/use{i}\", async (HttpContext http, int port) => {{ await Task.CompletedTask; var s = http.RequestServices; {r.Use} return \"used\"; }}));");
        string[] told = rows.Any(r => r.Name == "resources") ? [.. routes, "resources"] : routes;
        PluginCompiler.Plugin(folder, id, "1.0.0", $$"""
            public sealed class ThePlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin)
                {
                    plugin.MapEndpoints(r => { r.MapGet("/routes", () => new string[] { {{string.Join(", ", told.Select(r => $"\"{r}\""))}} }); r.MapGet("/resources", () => "yes"); });
                    {{string.Join('\n', rows.Select(r => r.Configure).Concat(uses))}}
                }
            }
            {{string.Join('\n', rows.Select(r => r.Types))}}
            """, Generators());
        PluginCompiler.WriteManifest(folder, id, "1.0.0", manifest => manifest["permissions"] = new JsonArray(new JsonObject { ["name"] = "http.external", ["reason"] = "One of the causes calls the node itself." }));
        return folder;
    }

    /// <summary>Writes a plugin that brings EF Core, builds its model and translates a query, all without a connection.</summary>
    public static string WriteEntityFramework(string folder, string id) => PluginCompiler.Plugin(folder, id, "1.0.0", """
        using Microsoft.EntityFrameworkCore;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/query", (int least) =>
            {
                using var shop = new Shop();
                return shop.Orders.Where(o => o.Total > least && o.Customer.Name.StartsWith("A")).OrderBy(o => o.Id).ToQueryString();
            }));
        }
        public sealed class Order { public int Id { get; set; } public decimal Total { get; set; } public Customer Customer { get; set; } = null!; }
        public sealed class Customer { public int Id { get; set; } public string Name { get; set; } = ""; }
        public sealed class Shop : DbContext
        {
            public DbSet<Order> Orders => Set<Order>();
            protected override void OnConfiguring(DbContextOptionsBuilder options) => options.UseNpgsql("Host=nowhere").EnableServiceProviderCaching(false);
        }
        """, null, [.. new[] { "Microsoft.EntityFrameworkCore", "Microsoft.EntityFrameworkCore.Abstractions", "Microsoft.EntityFrameworkCore.Relational", "Npgsql", "Npgsql.EntityFrameworkCore.PostgreSQL" }.Select(name => Path.Combine(AppContext.BaseDirectory, name + ".dll"))]);

    /// <summary>The generators that the build of a plugin runs.</summary>
    private static ISourceGenerator[] Generators() =>
        [.. Assembly.Load("Nexus.Analyzers").GetTypes().Where(t => t is { IsClass: true, IsAbstract: false } && typeof(IIncrementalGenerator).IsAssignableFrom(t)).Select(t => ((IIncrementalGenerator)Activator.CreateInstance(t)!).AsSourceGenerator())];
}
