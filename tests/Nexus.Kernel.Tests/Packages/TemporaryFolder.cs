namespace Nexus.Kernel.Tests.Packages;

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nexus-test-").FullName;

    public string Write(string relativePath, string text)
    {
        var path = System.IO.Path.Combine(Path, relativePath);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        // In one step: who watches the file never reads half of it.
        var beside = $"{Path}-{Guid.NewGuid():N}";
        File.WriteAllText(beside, text);
        File.Move(beside, path, overwrite: true);
        return path;
    }

    public string WritePlugin(string folder, string id, string version, string code = "code", string extra = "")
    {
        Write($"{folder}/manifest.json", $$"""{ "name": "{{id}}", "version": "{{version}}", "category": "business", "description": "d", "entry": "Plugin.dll"{{extra}} }""");
        Write($"{folder}/Plugin.dll", code);
        return System.IO.Path.Combine(Path, folder);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
