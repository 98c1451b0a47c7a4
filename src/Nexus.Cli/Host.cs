using System.CommandLine;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli;

/// <summary>A running host as a command sees it: JSON over HTTP, problems turned into <see cref="CliException"/>.</summary>
internal sealed class Host : IDisposable
{
    private readonly HttpClient client;
    private Task<string?>? local;

    private Host(Uri address) => client = new HttpClient(new Connecting()) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };

    public Uri Address => client.BaseAddress!;

    public int Port => client.BaseAddress!.Port;

    public static Host Of(ParseResult call)
    {
        var text = call.GetValue(Root.Url) ?? Environment.GetEnvironmentVariable("NEXUS_URL") ?? "http://127.0.0.1:8000";
        return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? new Host(address)
            : throw new CliException($"nexus: '{text}' is not an address; write http://host:port.", ExitCodes.Usage);
    }

    public Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, null, cancellationToken);

    public Task<JsonNode?> PostAsync(string path, JsonNode? body, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, new StringContent(body?.ToJsonString() ?? "{}", Encoding.UTF8, "application/json"), cancellationToken);

    public Task<JsonNode?> DeleteAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Delete, path, null, cancellationToken);

    public async Task<JsonNode?> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken) =>
        (await AskAsync(method, path, content, [], cancellationToken)).Body;

    /// <summary>The same with headers of the request, and those of the answer.</summary>
    public async Task<(JsonNode? Body, HttpResponseHeaders Headers)> AskAsync(HttpMethod method, string path, HttpContent? content, (string Name, string Value)[] headers, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        await AuthorizeAsync(request, cancellationToken);
        using var response = await client.SendAsync(request, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var body = Parse(bytes);
        // An unhealthy host answers 503 with its health, which is an answer, not a problem.
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            return (body, response.Headers);
        throw new CliException(Describe(response.StatusCode, body));
    }

    /// <summary>Sends a request and gives the answer as it is, refusals too: its status, media type and text.</summary>
    public async Task<(int Status, string? Type, string Text)> AnswerAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await AuthorizeAsync(request, cancellationToken);
        using var response = await client.SendAsync(request, cancellationToken);
        return ((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>Stores an answer as a file.</summary>
    public async Task<long> SaveAsync(string path, string file, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        await AuthorizeAsync(request, cancellationToken);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new CliException(Describe(response.StatusCode, Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken))));
        await using var target = new FileStream(file, FileMode.CreateNew, FileAccess.Write);
        await response.Content.CopyToAsync(target, cancellationToken);
        return target.Length;
    }

    /// <summary>The lines of a streamed answer (SSE or NDJSON), as they arrive.</summary>
    public IAsyncEnumerable<string> LinesAsync(string path, CancellationToken cancellationToken) => LinesAsync(HttpMethod.Get, path, "text/event-stream", null, cancellationToken);

    /// <summary>The lines of a streamed answer to another method, in another form.</summary>
    public IAsyncEnumerable<string> LinesAsync(HttpMethod method, string path, string accept, HttpContent? content, CancellationToken cancellationToken) =>
        LinesAsync(method, path, [new MediaTypeWithQualityHeaderValue(accept)], content, cancellationToken);

    /// <summary>The lines of a streamed answer in one of several forms.</summary>
    public async IAsyncEnumerable<string> LinesAsync(HttpMethod method, string path, MediaTypeWithQualityHeaderValue[] accept, HttpContent? content, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var type in accept)
            request.Headers.Accept.Add(type);
        await AuthorizeAsync(request, cancellationToken);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new CliException(Describe(response.StatusCode, Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken))));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line) yield return line;
    }

    public void Dispose() => client.Dispose();

    /// <summary>Shows who calls, where somebody signed in; a token that ends soon is exchanged first.</summary>
    private async Task AuthorizeAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var token = Environment.GetEnvironmentVariable("NEXUS_TOKEN");
        if (string.IsNullOrEmpty(token) && SignInStore.Find(Address) is { } stored)
        {
            if ((long?)stored["expires_at"] < TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 30) stored = await RefreshAsync(stored, cancellationToken);
            token = (string?)stored?["access_token"];
        }

        if (string.IsNullOrEmpty(token)) token = await (local ??= LocalToken.FindAsync(client, Address, cancellationToken));
        if (!string.IsNullOrEmpty(token)) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    private async Task<JsonObject?> RefreshAsync(JsonObject stored, CancellationToken cancellationToken)
    {
        using var response = await client.PostAsync("/api/v1/auth/refresh", new StringContent(new JsonObject { ["refreshToken"] = stored["refresh_token"]?.DeepClone() }.ToJsonString(), Encoding.UTF8, "application/json"), cancellationToken);
        var grant = response.IsSuccessStatusCode ? Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken)) as JsonObject : null;
        SignInStore.Store(Address, grant);
        return grant;
    }

    private static JsonNode? Parse(byte[] bytes)
    {
        if (bytes.Length == 0) return null;
        try
        {
            return JsonNode.Parse(bytes);
        }
        catch (JsonException)
        {
            return JsonValue.Create(Encoding.UTF8.GetString(bytes));
        }
    }

    private static string Describe(HttpStatusCode status, JsonNode? body)
    {
        if (body is not JsonObject problem) return $"nexus: the host answered {(int)status}.";
        var text = new StringBuilder().Append((string?)problem["code"] ?? ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture)).Append(": ").Append((string?)problem["detail"] ?? (string?)problem["title"]);
        if (problem["errors"] is JsonArray errors)
            foreach (var error in errors.OfType<JsonObject>()) text.Append("\n  ").Append((string?)error["pointer"]).Append("  ").Append((string?)(error["detail"] ?? error["message"]));
        if (Place(problem) is { } place) text.Append("\n  ").Append(place);
        text.Append((string?)problem["code"] switch
        {
            ErrorCodes.AuthenticationRequired => "\n→ Sign in with 'nexus login', or set NEXUS_TOKEN to a bearer token.",
            { } code when ErrorCodes.Find(code) is { } entry => $"\n→ {entry.Remedy}",
            _ => "",
        });
        return text.ToString();
    }

    /// <summary>By what the failure is found on the host, and from which part of which plugin it comes, as far as the caller may see that.</summary>
    private static string? Place(JsonObject problem)
    {
        var origin = (string?)problem["plugin"] is { } plugin ? $"{plugin} {(string?)problem["version"]}, {(string?)problem["component"]}" : null;
        var request = (string?)problem["requestId"] is { } id ? $"request {id}" : null;
        return origin is null ? request : request is null ? $"from {origin}" : $"from {origin}; {request}";
    }

    /// <summary>A host that ends while a connection to it is made leaves a bare socket exception: to a command it is one that does not answer.</summary>
    private sealed class Connecting() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (SocketException e)
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
            }
        }
    }
}
