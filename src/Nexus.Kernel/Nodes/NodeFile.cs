namespace Nexus.Kernel.Nodes;

/// <summary>The node's id in its data folder, so that it is the same node after a restart.</summary>
internal static class NodeFile
{
    private const string Name = "node-id";

    /// <summary>The id; made at the first start.</summary>
    public static string Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (File.Exists(path) && Guid.TryParse(File.ReadAllText(path).Trim(), out var known))
            return known.ToString();
        var id = Guid.CreateVersion7().ToString();
        Directory.CreateDirectory(folder);
        File.WriteAllText(path, id + "\n");
        return id;
    }
}
