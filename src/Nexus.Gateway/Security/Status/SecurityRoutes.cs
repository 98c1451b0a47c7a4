using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Scan;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Status;

/// <summary>What operators see and change of the node's security.</summary>
internal sealed class SecurityRoutes(IServiceProvider host, SecurityControls controls, Alerts alerts, AddressBlocks blocks, SecurityTrail trail, RequestBody bodies, IOptionsMonitor<SecurityOptions> options) : IPlatformRoutes
{
    private const string Read = "platform.security:read";
    private const string Update = "platform.security:update";
    private const string BlockInput = """{"type":"object","required":["address"],"properties":{"address":{"type":"string"},"minutes":{"type":"number","exclusiveMinimum":0,"maximum":525600,"default":60},"reason":{"type":"string","maxLength":200}}}""";
    private const string RulesInput = """{"type":"object","properties":{"allow":{"type":"array","items":{"type":"string"}},"deny":{"type":"array","items":{"type":"string"}}}}""";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/security/status", "getSecurityStatus", "Every control of the six layers and whether it is on", Read, StatusAsync) { Answer = Answer.Of<SecurityStatus>() },
        new("GET", "/api/v1/security/alerts", "listSecurityAlerts", "The latest alerts, newest first", Read, AlertsAsync) { Answer = Answer.Of<Alert[]>() },
        new("GET", "/api/v1/admin/security/alerts", "listAdminSecurityAlerts", "The same under its older address", Read, AlertsAsync) { Answer = Answer.Of<Alert[]>() },
        new("GET", "/api/v1/security/ip-rules", "getAddressRules", "Addresses and networks that are allowed, denied, blocked for a time", Read, RulesAsync) { Answer = Answer.Of<AddressRulesView>() },
        new("PUT", "/api/v1/security/ip-rules", "putAddressRules", "Replace the lists of allowed and denied addresses; they hold at once and after a restart", Update, PutRulesAsync) { Input = RulesInput, Answer = Answer.Of<AddressRulesView>() },
        new("POST", "/api/v1/security/block-ip", "blockAddress", "Refuse an address for a time", Update, BlockAsync) { Input = BlockInput, Success = 201, Answer = Answer.Of<AddressBlock>() },
        new("POST", "/api/v1/admin/security/block-ip", "blockAdminAddress", "The same under its older address", Update, BlockAsync) { Input = BlockInput, Success = 201, Answer = Answer.Of<AddressBlock>() },
        new("DELETE", "/api/v1/security/block-ip/{address}", "unblockAddress", "Serve a blocked address again", Update, UnblockAsync) { Success = 204 },
        new("POST", "/api/v1/security/scan", "scanSecurity", "Check configuration, permissions, dependencies and files for weaknesses, and write a dated report", Update, ScanAsync) { Answer = Answer.Of<ScanReport>() },
    ];

    private Task StatusAsync(HttpContext context)
    {
        var all = controls.Current;
        return JsonAnswer.SendAsync(context, new SecurityStatus(
            [.. SecurityControls.Layers.Select(layer => new SecurityLayer(
                layer,
                all.Count(c => c.Layer == layer && c.On),
                [.. all.Where(c => c.Layer == layer).Select(c => new SecurityControlView(c.Name, c.On, c.Area, c.Detail))]))],
            all.GroupBy(c => c.Area).ToDictionary(g => g.Key, g => g.Count(c => c.On), StringComparer.Ordinal),
            alerts.Raised,
            trail.Denied));
    }

    private Task AlertsAsync(HttpContext context) => JsonAnswer.SendAsync(context, alerts.Latest);

    private Task RulesAsync(HttpContext context) =>
        JsonAnswer.SendAsync(context, new AddressRulesView(options.CurrentValue.Addresses.Allow, options.CurrentValue.Addresses.Deny, [.. blocks.Current]));

    private async Task PutRulesAsync(HttpContext context)
    {
        var body = await BodyAsync(context);
        var rules = new AddressOptions { Allow = Texts(body, "allow"), Deny = Texts(body, "deny") };
        var read = AddressRules.Read(new SecurityOptions { Addresses = rules });
        if (GatewayRequest.Of(context).RemoteAddress is { } own && !read.Admits(own))
            throw new NexusException(ErrorCodes.Conflict, $"These rules would lock out their own author ({own}). Allow that address too, or set them from another one.");
        var settings = host.GetService<ISettings>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no settings.");
        var patch = new JsonObject { ["security"] = new JsonObject { ["addresses"] = new JsonObject { ["allow"] = Array(rules.Allow), ["deny"] = Array(rules.Deny) } } };
        await host.GetRequiredService<AdministrationTrail>().StoreAsync(settings, "security/ip-rules", () => settings.StoreAsync(patch, CancellationToken.None));
        await RulesAsync(context);
    }

    private async Task BlockAsync(HttpContext context)
    {
        var body = await BodyAsync(context);
        // "ip" and "ip_address" are how older clients name it.
        var text = (body["address"] ?? body["ip"] ?? body["ip_address"]) is JsonValue value && value.TryGetValue(out string? given) ? given : null;
        if (!IPAddress.TryParse(text, out var address))
            throw Invalid("/address", "address", "address is an IP address, such as 192.0.2.7.");
        var minutes = body["minutes"] is JsonValue number && number.TryGetValue(out double asked) ? asked : 60;
        if (minutes is not (> 0 and <= 525_600))
            throw Invalid("/minutes", "range", "minutes is more than 0 and at most 525600.");
        if (address.Equals(GatewayRequest.Of(context).RemoteAddress))
            throw new NexusException(ErrorCodes.Conflict, $"{address} is the address this request came from; it would lock out its own author.");
        var reason = body["reason"] is JsonValue said && said.TryGetValue(out string? why) && why.Length is > 0 and <= 200 ? why : "blocked by an operator";
        var block = await blocks.AddAsync(address, TimeSpan.FromMinutes(minutes), reason);
        await trail.DoneAsync(context, "security.address.blocked", block.Address, ("reason", reason), ("until", block.Until.ToString("O")));
        await JsonAnswer.SendAsync(context, block, StatusCodes.Status201Created);
    }

    private async Task UnblockAsync(HttpContext context)
    {
        var text = (string)context.Request.RouteValues["address"]!;
        if (!IPAddress.TryParse(text, out var address) || !await blocks.RemoveAsync(address))
            throw new NexusException(ErrorCodes.ResourceNotFound, $"{text} is not blocked.");
        await trail.DoneAsync(context, "security.address.unblocked", address.ToString());
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ScanAsync(HttpContext context)
    {
        var report = await host.GetRequiredService<SecurityScan>().RunAsync(context.RequestAborted);
        await trail.DoneAsync(context, "security.scan.done", report.File, ("findings", report.Findings.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        await JsonAnswer.SendAsync(context, report);
    }

    private async Task<JsonObject> BodyAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        return (body.IsEmpty ? null : JsonNode.Parse(body.Span)) as JsonObject ?? throw new NexusException(ErrorCodes.BadRequest, "The body is a JSON object.");
    }

    private static string[] Texts(JsonObject body, string name)
    {
        if (body[name] is null)
            return [];
        try
        {
            return body[name].Deserialize<string[]>() is { } texts && texts.All(t => t is not null) ? texts : throw Invalid("/" + name, "type", $"{name} is an array of addresses and networks.");
        }
        catch (JsonException)
        {
            throw Invalid("/" + name, "type", $"{name} is an array of addresses and networks.");
        }
    }

    private static JsonArray Array(string[] texts) => [.. texts.Select(t => (JsonNode)t)];

    private static NexusException Invalid(string pointer, string code, string message) =>
        new(ErrorCodes.ValidationError, message) { Errors = [new FieldError(pointer, code, message)] };
}

/// <summary>Every control by layer, how many are on by what they protect, and what was told and refused since the node started.</summary>
internal sealed record SecurityStatus(IReadOnlyList<SecurityLayer> Layers, IReadOnlyDictionary<string, int> Areas, long Alerts, long Refused);

/// <summary>The controls of one layer.</summary>
internal sealed record SecurityLayer(string Name, int Active, IReadOnlyList<SecurityControlView> Controls);

/// <summary>One control as operators see it.</summary>
internal sealed record SecurityControlView(string Name, bool On, string Area, string Detail);

/// <summary>Addresses and networks that are allowed, denied and blocked for a time.</summary>
internal sealed record AddressRulesView(IReadOnlyList<string> Allow, IReadOnlyList<string> Deny, IReadOnlyList<AddressBlock> Blocked);
