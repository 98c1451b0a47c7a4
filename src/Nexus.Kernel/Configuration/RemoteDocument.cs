using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Settings that an HTTP endpoint serves as YAML or JSON: read at the start, asked again by time. What was read last stays when the endpoint is away or serves what does not validate. Not thread-safe but for <see cref="Refresh"/>, which one caller may use beside the others.</summary>
internal sealed class RemoteDocument : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // Who serves settings decides what the node does: no proxy and no redirect stands between.
    private readonly Lazy<HttpClient> _client = new(() => new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false }) { Timeout = Patience, MaxResponseContentBufferSize = YamlSource.MaxBytes });
    private RemoteSettings? _from;
    private Answer? _held;
    private Answer? _seen;
    private bool _away;

    /// <summary>The settings; read from the endpoint when they were not before.</summary>
    public SourceNode? Read(RemoteSettings from, SourceErrors errors)
    {
        try
        {
            if (_held is null || _from != from)
                (_from, _held) = (from, _seen = Fetch(from, null));
        }
        catch (Exception e) when (IsAway(e))
        {
            errors.Add(from.Position, "/remote/url", "unreachable", $"cannot be read: {e.Message}");
            return null;
        }

        var document = _held!;
        var node = document.IsJson ? JsonSource.Read(document.Bytes, from.Url.ToString(), errors) : YamlSource.Read(document.Bytes, from.Url.ToString(), errors);
        foreach (var name in new[] { "remote", "environment", "environments" })
        {
            if (node?.Members.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase)) is { } own)
                errors.Add(own.Position, $"/{name}", "local", "is decided on the node, not by what it reads from elsewhere");
        }

        return node;
    }

    /// <summary>Asks again.</summary>
    /// <returns>What to call when the new settings do not validate; null when there are none.</returns>
    /// <exception cref="NexusException">The endpoint does not answer, for the first time since it did.</exception>
    public Action? Refresh()
    {
        if (_from is not { } from || _held is not { } held)
            return null;
        try
        {
            var answer = Fetch(from, _seen);
            _away = false;
            if (answer is null || answer.Bytes.AsSpan().SequenceEqual(_seen!.Bytes))
                return null;
            (_held, _seen) = (answer, answer);
            return () => _held = held;
        }
        catch (Exception e) when (IsAway(e))
        {
            if (_away)
                return null;
            _away = true;
            throw new NexusException(ErrorCodes.ConfigurationError, $"{from.Url} cannot be read: {e.Message}. What it served last stays.", e);
        }
    }

    public void Dispose()
    {
        if (_client.IsValueCreated)
            _client.Value.Dispose();
    }

    private static bool IsAway(Exception e) => e is HttpRequestException or SocketException or TaskCanceledException or IOException or UnauthorizedAccessException;

    /// <summary>The document, or null when it is still <paramref name="known"/>.</summary>
    private Answer? Fetch(RemoteSettings from, Answer? known)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, from.Url);
        request.Headers.Accept.ParseAdd("application/yaml, application/json;q=0.9");
        if (from.TokenFile is { } file)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(file).Trim());
        if (known?.Tag is { } tag)
            request.Headers.IfNoneMatch.Add(tag);
        using var response = _client.Value.Send(request);
        if (known is not null && response.StatusCode == HttpStatusCode.NotModified)
            return null;
        if (response.StatusCode != HttpStatusCode.OK)
            throw new HttpRequestException($"it answered {(int)response.StatusCode}");
        using var bytes = new MemoryStream();
        response.Content.ReadAsStream().CopyTo(bytes);
        return new Answer(bytes.ToArray(), response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true, response.Headers.ETag);
    }

    private sealed record Answer(byte[] Bytes, bool IsJson, EntityTagHeaderValue? Tag);
}

/// <summary>Where settings are served; section <c>remote</c> of a file, a variable or an option.</summary>
/// <param name="Url">The address.</param>
/// <param name="TokenFile">File with a bearer token, or null.</param>
/// <param name="Interval">Time between two looks.</param>
/// <param name="Position">Where the address was named.</param>
internal sealed record RemoteSettings(Uri Url, string? TokenFile, TimeSpan Interval, SourcePosition Position)
{
    /// <summary>Finds the section in layers, the last one with a key wins; null when no address is named.</summary>
    public static RemoteSettings? Find(IEnumerable<SourceNode?> layers, string folder, SourceErrors errors)
    {
        SourceNode? url = null, token = null, interval = null;
        foreach (var section in layers.Select(l => Of(l, "remote")).OfType<SourceNode>())
            (url, token, interval) = (Of(section, "url") ?? url, Of(section, "tokenFile") ?? token, Of(section, "refreshSeconds") ?? interval);
        if (url?.Text is not { Length: > 0 } text)
            return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.UserInfo.Length > 0 || address.Scheme != "https" && !(address.Scheme == "http" && address.IsLoopback))
        {
            errors.Add(url.Position, "/remote/url", "format", "must be an https address without a password in it, or an http address of this machine");
            return null;
        }

        var seconds = double.TryParse(interval?.Text, System.Globalization.CultureInfo.InvariantCulture, out var given) ? Math.Clamp(given, 1, 86_400) : 30;
        return new RemoteSettings(address, token?.Text is { Length: > 0 } file ? Path.GetFullPath(file, folder) : null, TimeSpan.FromSeconds(seconds), url.Position);
    }

    private static SourceNode? Of(SourceNode? map, string name) => map?.Members.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))?.Value;
}
