using Microsoft.CodeAnalysis;
using Nexus.Analyzers.Leaks;

namespace Nexus.Analyzers.Tests.Leaks;

public sealed class LeakAnalyzerTests
{
    private const string Plugin = """
        public sealed class P : IPlugin { public void Configure(IPluginBuilder plugin) { } }
        public sealed record Own(int A);
        """;

    private static readonly Compiled Newtonsoft = Compiled.From("namespace Newtonsoft.Json { public static class JsonConvert { public static string SerializeObject(object value) => \"\"; } }", "Newtonsoft.Json");
    private static readonly Compiled Dapper = Compiled.From("namespace Dapper { public static class SqlMapper { public static List<T> Query<T>(object connection, string sql) => []; } }", "Dapper");

    [Theory]
    [InlineData("NX2001", "class C { object M(dynamic d) => d.Foo(); }")]
    [InlineData("NX2002", "class C { object M() => Newtonsoft.Json.JsonConvert.SerializeObject(1); }")]
    [InlineData("NX2003", "class C { object M(object c) => Dapper.SqlMapper.Query<Own>(c, \"\"); }")]
    [InlineData("NX2004", "class C { void M() { Console.CancelKeyPress += (_, _) => { }; } }")]
    [InlineData("NX2004", "class C { void M() { AppDomain.CurrentDomain.ProcessExit += (_, _) => { }; } }")]
    [InlineData("NX2004", "class C { void M() { System.Runtime.Loader.AssemblyLoadContext.Default.Unloading += _ => { }; } }")]
    [InlineData("NX2005", "class C { static readonly System.Diagnostics.Metrics.Meter M = new(\"m\"); }")]
    [InlineData("NX2005", "class C { readonly System.Threading.Timer T = new(_ => { }); }")]
    [InlineData("NX2005", "class C { void M() { _ = new System.Threading.Timer(_ => { }); } }")]
    [InlineData("NX2005", "class C { System.Diagnostics.ActivitySource? S; void M() { S = new(\"s\"); } }")]
    [InlineData("NX2006", "class C { void M() { new Thread(() => { }).Start(); } }")]
    [InlineData("NX2007", "class C { object M() => System.Runtime.InteropServices.GCHandle.Alloc(new Own(1)); }")]
    [InlineData("NX2008", "class C { void M() { Task.Run(async () => { while (true) await Task.Delay(1); }); } }")]
    [InlineData("NX2008", "class C { void M() { Task.Run(() => { for (;;) { } }); } }")]
    [InlineData("NX2009", "class C { void M() { System.ComponentModel.TypeDescriptor.AddAttributes(typeof(Own)); } }")]
    [InlineData("NX2009", "class C { void M() { AppContext.SetData(\"a\", new Own(1)); } }")]
    public async Task What_keeps_a_hot_plugin_alive_is_reported(string id, string source)
    {
        var finding = Assert.Single(await AnalyzeAsync(Plugin + source));

        Assert.Equal(id, finding.Id);
        Assert.Equal(id is "NX2001" or "NX2002" or "NX2003" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning, finding.Severity);
        Assert.NotEqual("", finding.Descriptor.Description.ToString(null));
    }

    [Theory]
    [InlineData("class C { object M(object d) => d.ToString()!; }")]
    [InlineData("class C { object M() => System.Text.Json.JsonSerializer.Serialize(1); }")]
    [InlineData("class C { object M(object c) => Dapper.SqlMapper.Query<int>(c, \"\"); }")]
    [InlineData("class C : IDisposable { public C() => Console.CancelKeyPress += Stop; void Stop(object? s, ConsoleCancelEventArgs e) { } public void Dispose() => Console.CancelKeyPress -= Stop; }")]
    [InlineData("class C { static event Action? Mine; void M() { Mine += () => { }; } }")]
    [InlineData("class C : IDisposable { readonly System.Threading.Timer T = new(_ => { }); public void Dispose() => T.Dispose(); }")]
    [InlineData("class C { void M() { using var timer = new System.Threading.Timer(_ => { }); } }")]
    [InlineData("class C { object M(System.Diagnostics.Metrics.IMeterFactory f) => f.Create(new System.Diagnostics.Metrics.MeterOptions(\"m\")); }")]
    [InlineData("class C { void M() { Thread.Sleep(1); } }")]
    [InlineData("class C { void M() { System.Runtime.InteropServices.GCHandle h = default; h.Free(); } }")]
    [InlineData("class C { void M(CancellationToken t) { Task.Run(async () => { while (true) await Task.Delay(1, t); }); } }")]
    [InlineData("class C { void M() { Task.Run(() => { for (var i = 0; i < 3; i++) { } }); } }")]
    [InlineData("class C { object? M() => AppContext.GetData(\"a\"); }")]
    public async Task What_lets_it_go_is_not(string source) => Assert.Empty(await AnalyzeAsync(Plugin + source));

    [Theory]
    [InlineData("Task.Delay(1).Wait()", "Task.Wait")]
    [InlineData("_ = Task.FromResult(1).Result", "Task.Result")]
    [InlineData("Task.Delay(1).GetAwaiter().GetResult()", "TaskAwaiter.GetResult")]
    [InlineData("Thread.Sleep(1)", "Thread.Sleep")]
    [InlineData("_ = System.IO.File.ReadAllText(\"a\")", "File.ReadAllText")]
    [InlineData("_ = new System.IO.FileStream(\"a\", System.IO.FileMode.Open)", "new FileStream")]
    [InlineData("_ = new System.Net.Http.HttpClient().GetAsync(\"a\")", "HttpClient.GetAsync")]
    public async Task Blocking_or_IO_in_Configure_is_reported(string statement, string what)
    {
        var finding = Assert.Single(await AnalyzeAsync($"public sealed class P : IPlugin {{ public void Configure(IPluginBuilder plugin) {{ {statement}; }} }}"));

        Assert.Equal("NX2010", finding.Id);
        Assert.StartsWith(what + " in Configure", finding.GetMessage(null), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lambdas_in_Configure_and_other_methods_may_do_IO() =>
        Assert.Empty(await AnalyzeAsync("""
            public sealed class P : IPlugin
            {
                public void Configure(IPluginBuilder plugin) { Func<string> later = () => System.IO.File.ReadAllText("a"); plugin.Contribute(new MigrationContribution("m")); }
                public void Other() => Thread.Sleep(1);
            }
            """));

    [Theory]
    [InlineData("""{ "isolation": "stable" }""", 0)]
    [InlineData("""{ "category": "core" }""", 0)]
    [InlineData("""{ "category": "core", "isolation": "hot" }""", 1)]
    [InlineData("""{ "category": "business" }""", 1)]
    public async Task Only_hot_plugins_are_judged(string manifest, int findings) =>
        Assert.Equal(findings, (await AnalyzeAsync(Plugin + "class C { void M() { new Thread(() => { }).Start(); } }", manifest)).Count);

    [Fact]
    public async Task Code_without_a_plugin_is_not_judged() =>
        Assert.Empty(await AnalyzeAsync("class C { void M() { new Thread(() => { }).Start(); } }"));

    private static async Task<IReadOnlyList<Diagnostic>> AnalyzeAsync(string source, string? manifest = null) =>
        await Compiled.From(source, "Probe", Newtonsoft, Dapper).AnalyzeAsync(new LeakAnalyzer(), manifest);
}
