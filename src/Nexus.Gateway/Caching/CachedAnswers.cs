using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Caching;

/// <summary>
/// Serves answers of routes that say so from the node's cache. It stands behind authorization, limits and the middleware of plugins, so that nobody is served what would be refused.
/// 1. The key is made of the route's plugin and version, path, query, what the answer varies by, and of the caller as far as the route tells callers apart.
/// 2. Of concurrent requests that miss, one runs the handler, its answer held back; the others wait for it. 3. An answer that may be kept is kept with its tags. An error of the handler is covered by a stale answer where there is one.
/// 4. Headers for caches on the way, and 304 for who has it already.
/// </summary>
internal sealed class CachedAnswers(IServiceProvider host, TimeProvider time)
{
    public const string Service = "http";
    private const int MaxBody = 1 << 20;

    private readonly Lazy<ICaches?> caches = new(() => (ICaches?)host.GetService(typeof(ICaches)));
    private readonly ConcurrentDictionary<string, ICache> ofPlugins = new(StringComparer.Ordinal);

    /// <summary>Whether a request is one for which answers are cached.</summary>
    public static bool Serves(HttpContext context, RouteFacts route) =>
        route.Cached is not null && HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Range.Count == 0 && !context.WebSockets.IsWebSocketRequest;

    /// <summary>Answers from the cache, or by the handler.</summary>
    public async Task RunAsync(HttpContext context, RouteFacts route, Func<Task> handle)
    {
        if (caches.Value is not { } node)
        {
            await handle();
            return;
        }
        var request = GatewayRequest.Of(context);
        var rule = route.Cached!;
        var cache = ofPlugins.GetOrAdd(route.Plugin, static (plugin, all) => all.Get(Service, plugin), node);
        await using var mine = new Run(context, handle, time);
        CachedValue found;
        try
        {
            // The handler runs with this request's context, so the wait for it does not end before it does.
            found = await cache.GetAsync(KeyOf(context, request, route, rule), mine.LoadAsync, new CacheRules { Life = rule.Life, RefreshAt = 1, Tags = [.. rule.Tags, PluginTag(route.Plugin)] }, CancellationToken.None);
        }
        catch (FailedAnswerException) when (mine.HasRun)
        {
            await mine.SendAsync();
            return;
        }
        catch (Exception) when (!mine.HasRun)
        {
            // Who waited for another's runs the handler itself.
            await handle();
            return;
        }
        if (StoredAnswer.Read(found.Value) is not { } answer)
        {
            await (mine.HasRun ? mine.SendAsync() : handle());
            return;
        }
        if (mine.HasRun && found.IsHit)
            mine.Forget();
        await SendAsync(context, request, route, answer, found.IsHit ? found.Level == "stale" ? "STALE" : "HIT" : mine.HasRun ? "MISS" : "HIT");
    }

    /// <summary>Forgets the answers of a plugin whose code was replaced or left.</summary>
    public void Forget(string plugin)
    {
        if (ofPlugins.TryGetValue(plugin, out var cache))
            _ = cache.RemoveAsync(CacheSelection.Tagged(PluginTag(plugin))).AsTask();
    }

    private static string PluginTag(string plugin) => $"plugin:{plugin}";

    private static CacheKey KeyOf(HttpContext context, GatewayRequest request, RouteFacts route, CachedAnswer rule)
    {
        var text = new StringBuilder(256)
            .Append(context.Request.Path.Value).Append('\n')
            .Append(context.Request.QueryString.Value).Append('\n')
            .Append(context.Request.Host.Value).Append('\n')
            .Append(Audience(request, rule)).Append('\n');
        foreach (var header in Varies(rule))
            text.Append(context.Request.Headers[header].ToString()).Append('\n');
        return CacheKey.Of(Service, route.Plugin, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))), $"v{route.Version}");
    }

    /// <summary>Everything that decides what a caller may see; the tenant is part of every key.</summary>
    private static string Audience(GatewayRequest request, CachedAnswer rule)
    {
        var caller = request.Context.Caller;
        if (rule.Audience == CacheAudience.Everyone && request.Access is null or AccessScope.All)
            return "everyone";
        return string.Join('\u001f', [caller.Id, $"{request.Access}", .. Sorted(caller.Roles), "|", .. Sorted(caller.Teams), "|", .. Sorted(caller.Scopes)]);
    }

    private static IEnumerable<string> Sorted(ImmutableArray<string> words) => words.IsDefault ? [] : words.Order(StringComparer.Ordinal);

    private static IEnumerable<string> Varies(CachedAnswer rule) => ["Accept", "Accept-Language", .. rule.VaryBy];

    private async Task SendAsync(HttpContext context, GatewayRequest request, RouteFacts route, StoredAnswer answer, string state)
    {
        var (headers, rule) = (context.Response.Headers, route.Cached!);
        context.Response.StatusCode = StatusCodes.Status200OK;
        foreach (var (name, value) in answer.Headers)
            headers[name] = value;
        var age = Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds() - answer.StoredAt);
        var left = Math.Max(0, (long)rule.Life.TotalSeconds - (age / 1000));
        // A copy between node and browser can be removed by its tags; one in a browser cannot.
        var browser = rule.BrowserLife > TimeSpan.Zero ? $"max-age={((long)rule.BrowserLife.TotalSeconds).ToString(CultureInfo.InvariantCulture)}" : "no-cache";
        var isPublic = rule.Audience == CacheAudience.Everyone && route.Permission is null;
        headers.CacheControl = isPublic ? $"public, {(browser == "no-cache" ? "max-age=0" : browser)}, s-maxage={left.ToString(CultureInfo.InvariantCulture)}" : $"private, {browser}";
        headers.Vary = StringValues.Concat(headers.Vary, string.Join(", ", isPublic ? Varies(rule) : ["Authorization", "Cookie", "X-API-Key", .. Varies(rule)]));
        headers["Cache-Tag"] = string.Join(',', rule.Tags.Append(PluginTag(route.Plugin)).Select(tag => CacheTags.Public(request.Context.Tenant, route.Plugin, tag)));
        headers["X-Cache"] = state;
        if (state != "MISS")
            headers.Age = (age / 1000).ToString(CultureInfo.InvariantCulture);
        if (EntityTags.IsNamed(context.Request.Headers.IfNoneMatch, headers.ETag.ToString()))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            context.Response.ContentLength = null;
            headers.ContentType = default;
            return;
        }
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.BodyWriter.WriteAsync(answer.Body, context.RequestAborted);
    }

    /// <summary>One run of the handler, its answer held back.</summary>
    private sealed class Run(HttpContext context, Func<Task> handle, TimeProvider time) : IAsyncDisposable
    {
        private HeldBody? held;
        private HeaderDictionary before = [];

        /// <summary>The handler has run, whatever came of it.</summary>
        public bool HasRun { get; private set; }

        public async ValueTask<CacheLoaded> LoadAsync(CancellationToken cancellationToken)
        {
            HasRun = true;
            var response = context.Response;
            before = new HeaderDictionary(response.Headers.ToDictionary(h => h.Key, h => h.Value, StringComparer.OrdinalIgnoreCase));
            var real = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
            held = new HeldBody(real.Stream, MaxBody, () => response.ContentType?.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase) == true);
            context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(held, real));
            try
            {
                await handle();
                await response.BodyWriter.FlushAsync(CancellationToken.None);
            }
            finally
            {
                context.Features.Set(real);
            }
            if (held.Held is not { } body || GatewayRequest.Of(context).Refused)
                return default(CacheLoaded) with { Life = TimeSpan.Zero };
            // The one failure that a stale answer covers.
            if (response.StatusCode >= StatusCodes.Status500InternalServerError)
                throw new FailedAnswerException();
            if (!MayBeKept(response))
                return default(CacheLoaded) with { Life = TimeSpan.Zero };
            return new CacheLoaded(StoredAnswer.Of(before, response.Headers, body, time.GetUtcNow()).Write());
        }

        /// <summary>Sends the answer as the handler gave it.</summary>
        public Task SendAsync() => held?.ReleaseAsync() ?? Task.CompletedTask;

        /// <summary>Takes back what the handler wrote: another answer is sent in its place.</summary>
        public void Forget()
        {
            var headers = context.Response.Headers;
            headers.Clear();
            foreach (var (name, value) in before)
                headers[name] = value;
        }

        public ValueTask DisposeAsync() => held?.DisposeAsync() ?? default;

        private static bool MayBeKept(HttpResponse response)
        {
            if (response.StatusCode != StatusCodes.Status200OK || response.Headers.SetCookie.Count > 0 || response.Headers.ContentEncoding.Count > 0)
                return false;
            var said = response.Headers.CacheControl.ToString();
            return !said.Contains("no-store", StringComparison.OrdinalIgnoreCase) && !said.Contains("private", StringComparison.OrdinalIgnoreCase);
        }
    }

    /// <summary>The handler answered with an error of the server; its text is held back.</summary>
    private sealed class FailedAnswerException : Exception;
}
