using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Rest;

/// <summary>
/// Stands before routing. A caller who names a version of an API by <c>X-API-Version</c> or by <c>Accept: application/vnd.nexus.v2+json</c> is led to the routes of that version, as if it
/// had written them into the address. Who names none gets version 1, which is the address as it stands.
/// </summary>
internal sealed partial class ApiVersions(RequestDelegate next, IPlugins plugins)
{
    private const string Header = "X-API-Version";
    private const string MediaType = "application/vnd.nexus.v";

    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (headers.ContainsKey(Header) || (headers.Accept.Count > 0 && headers.Accept.ToString().Contains(MediaType, StringComparison.OrdinalIgnoreCase)))
            Choose(context);
        return next(context);
    }

    /// <summary>The version that a pattern below the prefix of its plugin belongs to.</summary>
    public static int Of(PluginManifest plugin, string pattern) =>
        pattern.StartsWith(plugin.RoutePrefix + "/", StringComparison.OrdinalIgnoreCase) && Number(pattern.AsSpan(plugin.RoutePrefix.Length + 1)) is { } number ? number : 1;

    /// <summary>What a plugin says of the version that a pattern belongs to; null when it says nothing.</summary>
    public static ApiVersionContribution? Find(ActivePlugin plugin, string pattern) =>
        plugin.ApiVersions.IsDefaultOrEmpty ? null : plugin.ApiVersions.FirstOrDefault(version => version.Number == Of(plugin.Manifest, pattern));

    /// <summary>The handler of a route in a version that is deprecated: every answer says so, and when it will be gone.</summary>
    public static RequestDelegate Telling(ApiVersionContribution version, RequestDelegate handler)
    {
        if (version.DeprecatedOn is not { } since)
            return handler;
        var deprecation = string.Create(CultureInfo.InvariantCulture, $"@{At(since).ToUnixTimeSeconds()}");
        var sunset = version.SunsetOn is { } gone ? At(gone).ToString("R", CultureInfo.InvariantCulture) : null;
        var link = version.Guide is { } guide ? $"<{guide}>; rel=\"deprecation\"" : null;
        return context =>
        {
            var answer = context.Response.Headers;
            answer["Deprecation"] = deprecation;
            if (sunset is not null)
                answer["Sunset"] = sunset;
            if (link is not null)
                answer.Append("Link", link);
            return handler(context);
        };
    }

    private static DateTimeOffset At(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    private static int? Number(ReadOnlySpan<char> rest)
    {
        var word = rest.IndexOf('/') is >= 0 and var slash ? rest[..slash] : rest;
        return word is ['v' or 'V', _, ..] && int.TryParse(word[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private void Choose(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (!path.StartsWith("/api/", StringComparison.OrdinalIgnoreCase) || Wanted(context.Request) is not { } wanted)
            return;
        context.Response.Headers.Append("Vary", $"Accept, {Header}");
        if (path.StartsWith("/api/v1/", StringComparison.OrdinalIgnoreCase))
        {
            if (wanted != 1)
                throw new NexusException(ErrorCodes.NotAcceptable, $"The platform's own routes have version 1 only, not {wanted}.");
            return;
        }
        if (plugins.Current.Plugins.FirstOrDefault(one => path.StartsWith(one.Manifest.RoutePrefix + "/", StringComparison.OrdinalIgnoreCase)) is not { } plugin)
            return;
        var prefix = plugin.Manifest.RoutePrefix;
        var named = Number(path.AsSpan(prefix.Length + 1));
        if (named is { } written && written != wanted)
            throw new NexusException(ErrorCodes.BadRequest, $"The address names version {written} and the headers version {wanted}.");
        if (wanted != 1 && !plugin.ApiVersions.Any(version => version.Number == wanted))
            throw new NexusException(ErrorCodes.NotAcceptable, $"{plugin.Manifest.Name} has no version {wanted}; it has {string.Join(", ", plugin.ApiVersions.Select(version => version.Number).Append(1).Distinct().Order())}.");
        if (wanted != 1 && named is null)
            context.Request.Path = new PathString(string.Create(CultureInfo.InvariantCulture, $"{path[..prefix.Length]}/v{wanted}{path[prefix.Length..]}"));
    }

    private static int? Wanted(HttpRequest request)
    {
        if (request.Headers[Header] is { Count: > 0 } given)
        {
            var text = given is [{ } one] ? one.TrimStart('v', 'V') : "";
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : throw new NexusException(ErrorCodes.BadRequest, $"{Header} is a whole number from 1.");
        }
        return Versioned().Match(request.Headers.Accept.ToString()) is { Success: true } match && int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var accepted) ? accepted : null;
    }

    [GeneratedRegex(@"application/vnd\.nexus\.v(\d{1,4})\+json", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Versioned();
}

/// <summary><c>GET /api/versions</c>: which versions there are, and which will go.</summary>
internal sealed class ApiVersionRoutes(IPlugins plugins) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes => [new("GET", "/api/versions", "listApiVersions", "The versions of every API that is served, and which of them are deprecated", PlatformRoute.Anyone, ListAsync) { Answer = Answer.Written("ApiVersionView", """{"type":"object","required":["api","version","path"],"properties":{"api":{"type":"string"},"version":{"type":"integer"},"path":{"type":"string"},"deprecatedOn":{"type":"string","format":"date"},"sunsetOn":{"type":"string","format":"date"},"guide":{"type":"string","format":"uri"}}}""").Many() }];

    private Task ListAsync(HttpContext context) => JsonAnswer.SendAsync(context, json =>
    {
        json.WriteStartArray();
        json.WriteStartObject();
        json.WriteString("api", "platform");
        json.WriteNumber("version", 1);
        json.WriteString("path", "/api/v1");
        json.WriteEndObject();
        foreach (var plugin in plugins.Current.Plugins.Where(one => one.Endpoints.Length + one.Resources.Length > 0))
        {
            foreach (var version in plugin.ApiVersions.Any(one => one.Number == 1) ? plugin.ApiVersions : plugin.ApiVersions.Insert(0, new ApiVersionContribution(1)))
                Write(json, plugin.Manifest, version);
        }
        json.WriteEndArray();
    });

    private static void Write(System.Text.Json.Utf8JsonWriter json, PluginManifest plugin, ApiVersionContribution version)
    {
        json.WriteStartObject();
        json.WriteString("api", plugin.Name);
        json.WriteNumber("version", version.Number);
        json.WriteString("path", version.Number == 1 ? plugin.RoutePrefix : string.Create(CultureInfo.InvariantCulture, $"{plugin.RoutePrefix}/v{version.Number}"));
        if (version.DeprecatedOn is { } since)
            json.WriteString("deprecatedOn", since.ToString("O", CultureInfo.InvariantCulture));
        if (version.SunsetOn is { } gone)
            json.WriteString("sunsetOn", gone.ToString("O", CultureInfo.InvariantCulture));
        if (version.Guide is { } guide)
            json.WriteString("guide", guide.ToString());
        json.WriteEndObject();
    }
}
