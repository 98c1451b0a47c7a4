using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Nexus.Tests.Shared;

namespace Nexus.Engines.S3.Tests;

/// <summary>The s3rver of npm in a process of its own, with a proxy that fails when told to.</summary>
internal sealed class S3Server : IAsyncDisposable
{
    public const string Bucket = "blobs";

    private readonly Process _process;
    private readonly string _folder;

    private S3Server(Process process, string folder, string address) => (_process, _folder, Address) = (process, folder, address);

    public string Address { get; }

    /// <summary>Starts one; with a certificate it speaks TLS.</summary>
    public static async Task<S3Server> StartAsync(string? key = null, string? certificate = null)
    {
        var tools = await ForeignTools.FolderAsync();
        var folder = Directory.CreateTempSubdirectory("nexus-s3-").FullName;
        var settings = JsonSerializer.Serialize(new { directory = folder, bucket = Bucket, key, cert = certificate });
        var process = Process.Start(new ProcessStartInfo("node", ["--openssl-legacy-provider", "s3.mjs", settings]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = tools })!;
        var error = process.StandardError.ReadToEndAsync();
        var ready = await ReadAsync(process);
        Assert.True(ready?.StartsWith("ready ", StringComparison.Ordinal), $"s3rver does not start: {ready} {(ready is null ? await error : "")}");
        return new S3Server(process, folder, $"{(key is null ? "http" : "https")}://127.0.0.1:{ready!["ready ".Length..]}");
    }

    /// <summary>What the next answers are: cut, silent, busy, denied.</summary>
    public async Task BehaveAsync(string mode, int answers)
    {
        await _process.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{mode} {answers}"));
        Assert.Equal("done", await ReadAsync(_process));
    }

    /// <summary>The file of an object, as s3rver lays it.</summary>
    public string FileOf(string key) => Path.Combine(_folder, Bucket, key + "._S3rver_object");

    /// <summary>The requests since it was asked last, such as <c>GET /blobs/a bytes=0-9</c>.</summary>
    public async Task<string[]> SeenAsync()
    {
        await _process.StandardInput.WriteLineAsync("seen");
        return JsonSerializer.Deserialize<string[]>((await ReadAsync(_process))!)!;
    }

    public Dictionary<string, string?> Settings(params (string Key, string Value)[] more) => new Dictionary<string, string?>
    {
        ["type"] = "s3",
        ["s3:bucket"] = Bucket,
        ["s3:endpoint"] = Address,
        ["s3:accessKey"] = "S3RVER",
        ["s3:secretKey"] = "S3RVER",
        ["s3:timeoutSeconds"] = "60",
    }.Concat(more.Select(m => KeyValuePair.Create(m.Key, (string?)m.Value))).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.Last().Value);

    public Task<BlobSet> OpenAsync(params (string Key, string Value)[] more) => OpenAsync(Settings(more));

    public static async Task<BlobSet> OpenAsync(IEnumerable<KeyValuePair<string, string?>> settings) =>
        await new S3Plugin().OpenAsync(new BlobOptions(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<string?> ReadAsync(Process process)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await process.StandardOutput.ReadLineAsync(limit.Token);
    }
}
