using System.Collections.Immutable;
using System.Net.Sockets;
using System.Security.Cryptography;
using NuGet.Versioning;

namespace Nexus.Kernel.Plugins.Registries;

/// <summary>Reads registries from folders and over HTTP. What it downloads is checked against the index before anyone opens it.</summary>
internal sealed class PluginRegistries(PluginsOptions options) : IPluginRegistry, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly HttpClient client = new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2), ConnectTimeout = TimeSpan.FromSeconds(10) }) { Timeout = Limit };

    public async ValueTask<ImmutableArray<PluginRepository>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await ReadAllAsync(cancellationToken)).Select(r => new PluginRepository(r.Address, r.Packages.Length, r.Error))];

    public async ValueTask<ImmutableArray<PluginOffer>> SearchAsync(PluginSearch search, CancellationToken cancellationToken)
    {
        var words = (search.Query ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var found = (await ReadAllAsync(cancellationToken))
            .SelectMany(r => r.Packages)
            .GroupBy(p => p.Name, StringComparer.Ordinal)
            .Select(versions => versions.MaxBy(p => NuGetVersion.Parse(p.Version))!)
            .Where(p => words.All(w => Texts(p).Any(t => t.Contains(w, StringComparison.OrdinalIgnoreCase)))
                && (search.Category is not { } category || p.Category == category)
                && (search.Author is not { } author || string.Equals(p.Author, author, StringComparison.OrdinalIgnoreCase))
                && search.Tags.All(t => p.Tags.Contains(t, StringComparer.OrdinalIgnoreCase))
                && (search.MinRating is not { } least || (p.Rating ?? 0) >= least));
        return [.. Sorted(found, search.Sort ?? "name")];
    }

    public async ValueTask<string> FetchAsync(string source, string folder, CancellationToken cancellationToken)
    {
        if (IsAddress(source))
        {
            var file = Path.Combine(folder, "download" + PackageArchive.Extension);
            await DownloadAsync(new Uri(source), file, PackageContent.MaxBytes, cancellationToken);
            return file;
        }

        var (id, range) = source.Split('@', 2) is [var name, var wanted] ? (name, wanted) : (source, "*");
        if (!VersionRange.TryParse(range, out var accepted))
            throw new NexusException(ErrorCodes.BadRequest, $"'{range}' is not a version range; write a version, or an interval such as [1.0,2.0).");

        // A bare version means that version, as everywhere where a person asks for one; ranges are for dependencies.
        var exact = NuGetVersion.TryParse(range, out var version);
        var registries = await ReadAllAsync(cancellationToken);
        var offer = registries.SelectMany(r => r.Packages).Where(p => p.Name == id && (exact ? NuGetVersion.Parse(p.Version) == version : accepted.Satisfies(NuGetVersion.Parse(p.Version)))).MaxBy(p => NuGetVersion.Parse(p.Version))
            ?? throw Missing(id, range, registries);
        return await FetchAsync(offer, folder, cancellationToken);
    }

    public void Dispose() => client.Dispose();

    private static bool IsAddress(string source) => source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Texts(PluginOffer offer) => [offer.Name, offer.DisplayName ?? "", offer.Description, .. offer.Tags];

    private static IEnumerable<PluginOffer> Sorted(IEnumerable<PluginOffer> offers, string sort)
    {
        var byName = offers.OrderBy(p => p.Name, StringComparer.Ordinal);
        var sorted = sort.TrimStart('-') switch
        {
            "name" => byName,
            "version" => byName.OrderBy(p => NuGetVersion.Parse(p.Version)),
            "rating" => byName.OrderBy(p => p.Rating ?? 0),
            "category" => byName.OrderBy(p => p.Category),
            _ => throw new NexusException(ErrorCodes.BadRequest, $"'{sort}' is no order; sort by name, version, rating or category, with a minus before it to turn it round."),
        };
        return sort.StartsWith('-') ? sorted.Reverse() : sorted;
    }

    private static NexusException Missing(string id, string range, ImmutableArray<Registry> registries)
    {
        if (registries.IsEmpty)
            return new NexusException(ErrorCodes.PluginNotFound, $"{id} is not a folder or package of this machine, and no registry is configured; name one under plugins.registries.");
        var versions = registries.SelectMany(r => r.Packages).Where(p => p.Name == id).Select(p => $"{p.Version} ({p.Repository})").ToList();
        var broken = registries.Where(r => r.Error is not null).Select(r => $" {r.Error}");
        return new NexusException(ErrorCodes.PluginNotFound, (versions.Count == 0
            ? $"No registry offers {id}; asked were {string.Join(", ", registries.Select(r => r.Address))}."
            : $"No registry offers {id} {range}; there are {string.Join(", ", versions)}.") + string.Concat(broken));
    }

    private async Task<string> FetchAsync(PluginOffer offer, string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, $"{offer.Name}-{offer.Version}{PackageArchive.Extension}");
        if (IsAddress(offer.Repository))
        {
            await DownloadAsync(Below(offer.Repository, offer.File), file, offer.Size, cancellationToken);
        }
        else
        {
            try
            {
                File.Copy(Path.Combine(offer.Repository, offer.File), file);
            }
            catch (IOException e)
            {
                throw new NexusException(ErrorCodes.ServiceUnavailable, $"{offer.Repository}: {offer.File} cannot be read: {e.Message}", e);
            }
        }

        await using var stream = File.OpenRead(file);
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
        return hash == offer.Sha256 ? file
            : throw new NexusException(ErrorCodes.PluginPackageInvalid, $"{offer.Repository}: {offer.File} is not what the registry's index says: SHA-256 {hash} instead of {offer.Sha256}. Tell the registry's keeper; nothing was installed.");
    }

    private async Task<ImmutableArray<Registry>> ReadAllAsync(CancellationToken cancellationToken) =>
        [.. await Task.WhenAll(options.Registries.Distinct(StringComparer.Ordinal).Select(address => ReadAsync(address, cancellationToken)))];

    private async Task<Registry> ReadAsync(string address, CancellationToken cancellationToken)
    {
        try
        {
            if (!IsAddress(address))
                return new Registry(address, RegistryIndex.Read(await File.ReadAllBytesAsync(Path.Combine(address, RegistryIndex.FileName), cancellationToken), Path.GetFullPath(address)), null);
            using var buffer = new MemoryStream();
            await CopyAsync(Below(address, RegistryIndex.FileName), buffer, RegistryIndex.MaxBytes, cancellationToken);
            return new Registry(address, RegistryIndex.Read(buffer.ToArray(), address), null);
        }
        catch (NexusException e)
        {
            return new Registry(address, [], e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Registry(address, [], $"{address}: {e.Message}");
        }
    }

    private async Task DownloadAsync(Uri address, string file, long most, CancellationToken cancellationToken)
    {
        await using var target = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        await CopyAsync(address, target, most, cancellationToken);
    }

    private async Task CopyAsync(Uri address, Stream target, long most, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw new NexusException(ErrorCodes.ServiceUnavailable, $"{address} answers {(int)response.StatusCode}. Check the address and that its web server serves the registry's folder.");
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[65536];
            long size = 0;
            for (int read; (read = await body.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                if ((size += read) > most)
                    throw new NexusException(ErrorCodes.PluginPackageInvalid, $"{address} sends more than the {most} bytes it may have. Tell the registry's keeper; nothing was installed.");
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException || e is TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"{address} does not answer: {e.Message}", e);
        }
    }

    private static Uri Below(string registry, string file) => new(new Uri(registry.TrimEnd('/') + "/"), file);

    private sealed record Registry(string Address, ImmutableArray<PluginOffer> Packages, string? Error);
}
