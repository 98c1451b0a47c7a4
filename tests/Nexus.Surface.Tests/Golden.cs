using System.Runtime.CompilerServices;

namespace Nexus.Surface.Tests;

/// <summary>What a user sees, committed under surface/, and what is made of it elsewhere. <c>./nexus accept</c> rewrites it after a person has looked at the difference.</summary>
internal static class Golden
{
    private static string Folder { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "surface"));

    private static string Here([CallerFilePath] string path = "") => path;

    public static void Check(string name, string actual)
    {
        var file = Path.Combine(Folder, name);
        actual = actual.ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable("NEXUS_ACCEPT") == "1")
        {
            Directory.CreateDirectory(Folder);
            File.WriteAllText(file, actual);
            return;
        }

        var expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (expected == actual) return;
        var (before, after) = (expected.Split('\n'), actual.Split('\n'));
        var removed = before.Except(after).Take(20).Select(line => "- " + line);
        var added = after.Except(before).Take(20).Select(line => "+ " + line);
        Assert.Fail($"{Path.GetRelativePath(Path.Combine(Folder, ".."), file)} differs; run ./nexus accept if this is meant:\n{string.Join('\n', removed.Concat(added))}");
    }
}
