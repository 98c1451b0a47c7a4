using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>Something that takes requests, and has some time for an answer.</summary>
internal sealed class Target(string name, Uri address, int seconds = 15) : IDisposable
{
    private readonly HttpClient client = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20) }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(seconds) };

    /// <summary>Nothing was sent: nobody listens.</summary>
    public const int NotSent = -1;

    /// <summary>It was sent, perhaps, and no answer came.</summary>
    public const int NoAnswer = 0;

    public string Name => name;

    public Uri Address => address;

    public async Task<(int Status, string Text)> SendAsync(HttpMethod method, string path, string? token, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (header, value) in headers) request.Headers.TryAddWithoutValidation(header, value);
        try
        {
            using var response = await client.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }
        catch (HttpRequestException e)
        {
            return (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError ? NotSent : NoAnswer, e.Message);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // What is reset in the middle of its connecting comes out of the client as it is.
            return (NoAnswer, e.Message);
        }
        catch (OperationCanceledException)
        {
            return (NoAnswer, "no answer in time");
        }
    }

    /// <summary>A page of a list, and the path of the next one.</summary>
    public async Task<(int Status, string Text, string? Next)> PageAsync(string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await client.SendAsync(request);
        var link = response.Headers.TryGetValues("Link", out var links) ? links.SelectMany(l => l.Split(", ")).FirstOrDefault(l => l.EndsWith("rel=\"next\"", StringComparison.Ordinal)) : null;
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), link?[1..link.IndexOf('>', StringComparison.Ordinal)]);
    }

    public void Dispose() => client.Dispose();
}
