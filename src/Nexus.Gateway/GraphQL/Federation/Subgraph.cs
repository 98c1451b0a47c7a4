using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Nexus.Gateway.Forwarding;
using Nexus.Gateway.GraphQL.Execution;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>A subgraph as this node asks it. Thread-safe.</summary>
internal sealed class Subgraph(string name, SubgraphOptions options, HttpMessageInvoker connections, Breaker breaker) : IDisposable
{
    private const int MaxDepth = 512;
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private readonly SemaphoreSlim free = new(options.Requests, options.Requests);

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>How it is asked.</summary>
    public SubgraphOptions Options { get; } = options;

    /// <summary>Whether it may be asked.</summary>
    public Breaker Breaker { get; } = breaker;

    /// <summary>How it was used.</summary>
    public SubgraphUse Use { get; } = new();

    /// <inheritdoc/>
    public void Dispose() => free.Dispose();

    /// <summary>Sends an operation.</summary>
    /// <param name="body">The request.</param>
    /// <param name="headers">What it is told of the caller.</param>
    /// <param name="cancellationToken">The caller gives up.</param>
    /// <returns>The answer, an object that has <c>data</c> or <c>errors</c>.</returns>
    /// <exception cref="ElsewhereException">There was none.</exception>
    public async Task<JsonElement> SendAsync(ReadOnlyMemory<byte> body, IEnumerable<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        if (!Breaker.TryEnter())
        {
            Use.Refuse();
            throw Unavailable("failed too often and is left alone for a while");
        }
        var noted = false;
        bool? failed = null;
        var began = Stopwatch.GetTimestamp();
        Use.Begin();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(Options.TimeoutSeconds));
        try
        {
            await free.WaitAsync(limit.Token);
            try
            {
                var answer = await AskAsync(body, headers, limit.Token);
                Note(false);
                return answer;
            }
            finally
            {
                free.Release();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Note(true);
            throw Unavailable($"did not answer within {Options.TimeoutSeconds:0.#} s");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            Note(true);
            throw Unavailable("could not be reached");
        }
        catch (ElsewhereException exception)
        {
            // A refusal says that it is there.
            if (exception.Error.Code == ErrorCodes.ServiceUnavailable)
                Note(true);
            else
                failed = false;
            throw;
        }
        finally
        {
            if (!noted)
                Breaker.Forget();
            Use.End(Stopwatch.GetElapsedTime(began), failed);
        }

        void Note(bool bad)
        {
            Breaker.Note(failed: bad, bad: bad);
            (failed, noted) = (bad, true);
        }
    }

    /// <summary>It gave no answer.</summary>
    public ElsewhereException Unavailable(string reason) => new(ErrorOf($"The subgraph {Name} {reason}."), []);

    /// <summary>An error that tells the subgraph it is about.</summary>
    public GraphError ErrorOf(string message, string code = ErrorCodes.ServiceUnavailable) => new(message, []) { Code = code, Extensions = new() { ["subgraph"] = Name } };

    private async Task<JsonElement> AskAsync(ReadOnlyMemory<byte> body, IEnumerable<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Options.Url) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.TryAddWithoutValidation("Accept", "application/graphql-response+json, application/json;q=0.9");
        foreach (var (header, value) in headers)
            request.Headers.TryAddWithoutValidation(header, value);
        using var response = await connections.SendAsync(request, cancellationToken);
        var text = await ReadAsync(response, cancellationToken);
        try
        {
            var answer = JsonElement.Parse(text.Span, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (answer.ValueKind == JsonValueKind.Object && (IsObject(answer, "data") || (answer.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array && errors.GetArrayLength() > 0)) && response.StatusCode < HttpStatusCode.InternalServerError)
                return answer;
        }
        catch (JsonException)
        {
            // What is no answer is judged by its status.
        }
        throw response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => new ElsewhereException(ErrorOf($"The subgraph {Name} does not know the caller.", ErrorCodes.AuthenticationRequired), []),
            HttpStatusCode.Forbidden => new ElsewhereException(ErrorOf($"The subgraph {Name} does not serve the caller.", ErrorCodes.PermissionDenied), []),
            HttpStatusCode.TooManyRequests => new ElsewhereException(ErrorOf($"The subgraph {Name} has had too many requests.", ErrorCodes.RateLimited), []),
            var status => Unavailable($"answered with status {(int)status} and without an answer of GraphQL"),
        };
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var from = await response.Content.ReadAsStreamAsync(cancellationToken);
        var to = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await from.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            if (to.Length + read > Options.AnswerBytes)
                throw Unavailable($"answered with more than {Options.AnswerBytes} bytes");
            to.Write(buffer.AsSpan(0, read));
        }
        return to.GetBuffer().AsMemory(0, (int)to.Length);
    }

    private static bool IsObject(JsonElement answer, string name) => answer.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object;
}
