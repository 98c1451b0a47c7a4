using Microsoft.Extensions.Configuration;
using Nexus.Gateway.Security.Scan;

namespace Nexus.Gateway.Tests.Security;

/// <summary>Lists of weak libraries: the host's own, and one that an operator names.</summary>
public sealed class Advisories : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-advisories-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_planted_library_is_found_by_the_named_list_and_only_in_the_versions_that_have_the_weakness()
    {
        Plant("weak/1.2.3", "Weak/2.0.0", "WEAK/2.1.0-rc.1", "weak/3.0.0", "other/1.0.0");
        var list = Write("""{"source":"Our own","date":"2029-12-01","advisories":[{"id":"OWN-1","package":"Weak","from":"2.0.0","fixed":"3.0.0","severity":"High","title":"It is weak"}]}""");

        var findings = (await ScanAsync(list)).Where(f => f.Id == "dependency.OWN-1").ToList();

        Assert.Equal(["WEAK 2.1.0.0 (Planted.deps.json)", "Weak 2.0.0.0 (Planted.deps.json)"], findings.Select(f => f.Subject).Order(StringComparer.Ordinal));
        Assert.All(findings, f => Assert.Equal((Severity.High, "It is weak (Our own, 2029-12-01).", "Update it to 3.0.0 and build again."), (f.Severity, f.Detail, f.Remedy)));
    }

    [Fact]
    public async Task A_list_that_grew_old_is_a_finding_itself_and_a_newer_one_ends_it()
    {
        var old = Assert.Single(await ScanAsync(null), f => f.Id == "dependency.advisories-old");

        Assert.Equal(Severity.Low, old.Severity);
        Assert.Matches(@"of 20\d\d-\d\d-\d\d \(GitHub Advisory Database", old.Detail);
        Assert.DoesNotContain(await ScanAsync(Write("""{"source":"Our own","date":"2029-12-01","advisories":[]}""")), f => f.Id == "dependency.advisories-old");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"source":"Our own","advisories":[]}""")]
    [InlineData("""{"date":"2029-12-01","advisories":[]}""")]
    [InlineData("""{"source":"Our own","date":"2029-12-01"}""")]
    [InlineData("""{"source":"Our own","date":"2029-12-01","advisories":[{"id":"A"}]}""")]
    [InlineData("""{"source":"Our own","date":"2029-12-01","advisories":[{"id":"A","package":"B","fixed":"new"}]}""")]
    [InlineData("not json")]
    public async Task A_list_that_is_none_is_refused_with_its_path(string text)
    {
        var path = Write(text);

        var error = await Assert.ThrowsAsync<NexusException>(() => ScanAsync(path));

        Assert.Equal(ErrorCodes.ConfigurationError, error.Code);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    private string Write(string text)
    {
        var path = Path.Combine(_folder, "list.json");
        File.WriteAllText(path, text);
        return path;
    }

    private void Plant(params string[] libraries)
    {
        var folder = Path.Combine(_folder, "plugins", "planted");
        Directory.CreateDirectory(folder);
        var packages = libraries.Select(l => "\"" + l + "\":{\"type\":\"package\"}");
        File.WriteAllText(Path.Combine(folder, "Planted.deps.json"), "{\"libraries\":{" + string.Join(',', packages) + "}}");
    }

    private async Task<IReadOnlyList<Finding>> ScanAsync(string? list)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["plugins:directories:0"] = Path.Combine(_folder, "plugins"), ["database:directory"] = Path.Combine(_folder, "data"), ["security:advisories"] = list }).Build();
        return await new DependencyCheck(settings, new FakeTime()).RunAsync(CancellationToken.None);
    }
}
