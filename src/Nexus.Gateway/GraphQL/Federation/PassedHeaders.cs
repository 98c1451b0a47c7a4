using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>What subgraphs are told of the caller: each of them decides itself who may do what. Cookies stay here, because they belong to this node's address.</summary>
internal sealed record PassedHeaders(IReadOnlyList<KeyValuePair<string, string>> All)
{
    private const string Authorization = "Authorization";
    private const string ApiKey = "X-API-Key";

    /// <summary>Of nobody.</summary>
    public static PassedHeaders None { get; } = new([]);

    /// <summary>Those of a request.</summary>
    public static PassedHeaders Of(HttpContext context)
    {
        var (request, known) = (context.Request, GatewayRequest.Of(context));
        var all = new List<KeyValuePair<string, string>> { new("X-Request-ID", known.Id) };
        foreach (var name in new[] { Authorization, ApiKey })
        {
            if (request.Headers[name] is [{ Length: > 0 } value])
                all.Add(new(name, value));
        }
        if ((known.Span?.Id ?? request.Headers.TraceParent.ToString()) is { Length: > 0 } trace)
            all.Add(new("traceparent", trace));
        if (known.Address is { } address)
            all.Add(new("X-Forwarded-For", address));
        return new PassedHeaders(all);
    }

    /// <summary>The same with other credentials.</summary>
    public PassedHeaders With(string authorization) =>
        new([.. All.Where(header => header.Key is not (Authorization or ApiKey)), new(Authorization, authorization)]);
}
