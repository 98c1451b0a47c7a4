using System.Globalization;

namespace Nexus.Gateway.Monitoring;

/// <summary>A graphics processor as the kernel tells of it.</summary>
/// <param name="Name">Its model, or the card's number where no model is told.</param>
/// <param name="UsagePercent">How busy it is, 0 to 100; null where its driver does not tell through the kernel.</param>
/// <param name="MemoryBytes">Its memory; null likewise.</param>
/// <param name="MemoryUsedBytes">What of it is in use; null likewise.</param>
internal sealed record Gpu(string Name, double? UsagePercent, long? MemoryBytes, long? MemoryUsedBytes)
{
    /// <summary>Those of a machine whose files are below a folder. Files alone: no program of a driver is run for a look.</summary>
    public static IReadOnlyList<Gpu> List(string root)
    {
        try
        {
            return [.. Cards(Path.Combine(root, "sys/class/drm")), .. Models(Path.Combine(root, "proc/driver/nvidia/gpus"))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // As the driver amdgpu has it; card0-HDMI-A-1 and the like are its connectors.
    private static IEnumerable<Gpu> Cards(string folder) =>
        from card in Folders(folder, "card*")
        where !Path.GetFileName(card).Contains('-', StringComparison.Ordinal)
        let device = Path.Combine(card, "device")
        let busy = Number(Path.Combine(device, "gpu_busy_percent"))
        let memory = Number(Path.Combine(device, "mem_info_vram_total"))
        where busy is not null || memory is not null
        select new Gpu(Text(Path.Combine(device, "product_name")) is { Length: > 0 } name ? name : Path.GetFileName(card), busy, memory, Number(Path.Combine(device, "mem_info_vram_used")));

    private static IEnumerable<Gpu> Models(string folder) =>
        from card in Folders(folder, "*")
        let model = Text(Path.Combine(card, "information"))?.Split('\n').FirstOrDefault(line => line.StartsWith("Model:", StringComparison.Ordinal))
        select new Gpu(model is null ? Path.GetFileName(card) : model["Model:".Length..].Trim(), null, null, null);

    private static IEnumerable<string> Folders(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder, pattern).Order(StringComparer.Ordinal) : [];

    private static string? Text(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : null;

    private static long? Number(string file) => long.TryParse(Text(file), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
