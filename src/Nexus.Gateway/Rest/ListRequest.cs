using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Nexus.Gateway.Rest;

/// <summary>A list request as its query string says it.</summary>
/// <param name="Query">What is asked of the resource.</param>
/// <param name="Fields">Fields to return; empty means all.</param>
/// <param name="Page">Page number, or null when the caller walks by cursor.</param>
internal sealed record ListRequest(ResourceQuery Query, ImmutableArray<string> Fields, int? Page)
{
    private const int MaxLimit = 1000;
    private const int MaxPage = 1_000_000;

    /// <summary>Reads the query string.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c> or <c>FILTER_INVALID</c>, naming the parameter.</exception>
    public static ListRequest Read(ResourceDescriptor resource, HttpRequest request) =>
        request.QueryString.HasValue ? Read(resource, request.Query) : new ListRequest(new ResourceQuery(), [], null);

    /// <inheritdoc cref="Read(ResourceDescriptor, HttpRequest)"/>
    public static ListRequest Read(ResourceDescriptor resource, IQueryCollection query)
    {
        var limit = Math.Min(Number(query, "limit", int.MaxValue) ?? 50, MaxLimit);
        var page = Number(query, "page", MaxPage);
        var cursor = One(query, "cursor");
        if (page is not null && cursor is not null)
            throw new NexusException(ErrorCodes.BadRequest, "A list is walked by page or by cursor, not by both.");
        var search = One(query, "q") is { } words ? Searched(resource, words) : null;
        return new ListRequest(
            new ResourceQuery
            {
                Filter = FilterSyntax.Read(resource, query),
                Sort = [.. Words(query, "sort").Select(word => Key(resource, word))],
                Search = search,
                Limit = limit,
                Cursor = cursor,
                Offset = ((page ?? 1) - 1) * limit,
                Count = One(query, "count") is "true" or "1",
            },
            Selection(resource, query),
            page);
    }

    /// <summary>The fields that <c>fields=</c> names; empty when it is absent.</summary>
    public static ImmutableArray<string> Selection(ResourceDescriptor resource, IQueryCollection query)
    {
        var fields = Words(query, "fields");
        foreach (var field in fields)
            _ = FieldPaths.Get(resource, field);
        return fields;
    }

    /// <summary>The <c>Link</c> header (RFC 8288) to the next page, and to the previous one where pages are numbered; null at the end.</summary>
    public string? Links(HttpRequest request, string? nextCursor)
    {
        var links = new List<string>(2);
        if (nextCursor is not null)
            links.Add($"<{Address(request, Page is { } page ? ("page", Text(page + 1)) : ("cursor", nextCursor))}>; rel=\"next\"");
        if (Page is > 1 and var current)
            links.Add($"<{Address(request, ("page", Text(current - 1)))}>; rel=\"prev\"");
        return links.Count == 0 ? null : string.Join(", ", links);
    }

    private static string Address(HttpRequest request, (string Name, string Value) changed)
    {
        var others = request.Query.Where(p => p.Key != changed.Name && !(changed.Name == "page" && p.Key == "cursor"));
        return QueryHelpers.AddQueryString(request.PathBase.Add(request.Path).ToUriComponent(), others.Append(new(changed.Name, changed.Value)));
    }

    /// <summary>The words of a full-text search.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: the resource has no search fields.</exception>
    public static string Searched(ResourceDescriptor resource, string words) =>
        resource.Search.IsEmpty ? throw new NexusException(ErrorCodes.FilterInvalid, $"{resource.Name} declare no search fields; use filter[field].") : words;

    /// <summary>One word of <c>sort=</c>.</summary>
    public static SortKey Key(ResourceDescriptor resource, string word)
    {
        var descending = word.StartsWith('-');
        var path = word.TrimStart('-', '+', ' ');
        _ = FieldPaths.Get(resource, path);
        return new SortKey(path, descending);
    }

    private static ImmutableArray<string> Words(IQueryCollection query, string name) =>
        [.. query[name].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static string? One(IQueryCollection query, string name) => query[name] switch
    {
        [] => null,
        [var value] => string.IsNullOrEmpty(value) ? null : value,
        _ => throw new NexusException(ErrorCodes.BadRequest, $"{name} may be given once."),
    };

    private static int? Number(IQueryCollection query, string name, int max)
    {
        if (One(query, name) is not { } text)
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max
            ? number
            : throw new NexusException(ErrorCodes.BadRequest, $"{name} must be a whole number from 1; \"{text}\" is not.");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
