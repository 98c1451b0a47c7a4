using System.Collections.Immutable;
using Nexus.Kernel.Tasks;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Refuses a newcomer whose declarations are taken, naming both sides.</summary>
internal static class RegistrationClashes
{
    /// <exception cref="NexusException"><c>PLUGIN_REGISTRATION_FAILED</c>.</exception>
    public static void Check(ActivePlugin newcomer, ImmutableArray<ActivePlugin> others)
    {
        var name = newcomer.Manifest.Name;
        if (others.FirstOrDefault(o => o.Manifest.RoutePrefix == newcomer.Manifest.RoutePrefix) is { } taken)
        {
            throw Clash($"The prefix {newcomer.Manifest.RoutePrefix} of {name} is taken by {taken.Manifest.Name}. Rename one of the two.");
        }

        if (newcomer.Manifest.Category != PluginCategory.Core && newcomer.Endpoints.FirstOrDefault(IsRooted) is { } rooted)
        {
            throw Clash($"{name} maps {rooted.Pattern}; only core plugins may serve outside of their prefix. Map it below {newcomer.Manifest.RoutePrefix}.");
        }

        foreach (var other in others)
        {
            if (newcomer.Endpoints.Where(IsRooted).SelectMany(Routes).Intersect(other.Endpoints.Where(IsRooted).SelectMany(Routes), StringComparer.Ordinal).FirstOrDefault() is { } both)
            {
                throw Clash($"{name} and {other.Manifest.Name} both serve the {both}. Disable one of the two.");
            }
        }

        if (newcomer.Authorization is not null && others.FirstOrDefault(o => o.Authorization is not null) is { } policy)
        {
            throw Clash($"{name} and {policy.Manifest.Name} both want to be the policy of the node. Disable one of the two.");
        }

        if (newcomer.SealsAudit && others.FirstOrDefault(o => o.SealsAudit) is { } trail)
        {
            throw Clash($"{name} and {trail.Manifest.Name} both want to seal the audit trail. Disable one of the two.");
        }

        if (newcomer.Shared is not null && newcomer.Manifest.Category != PluginCategory.Core)
        {
            throw Clash($"{name} brings ports that nodes share; only core plugins may.");
        }

        foreach (var cacheName in newcomer.CacheNames)
        {
            if (others.FirstOrDefault(o => o.Manifest.Name == cacheName || o.CacheNames.Contains(cacheName)) is { } owner)
            {
                throw Clash($"{name} and {owner.Manifest.Name} both keep values in the cache below {cacheName}. Rename one of the two.");
            }
        }

        foreach (var service in newcomer.Services)
        {
            if (others.FirstOrDefault(o => o.Services.Any(s => s.Contract == service.Contract && s.Name == service.Name)) is { } provider)
            {
                throw Clash($"{name} and {provider.Manifest.Name} both provide {service.Contract} under the name {service.Name}. Give one of the two another name.");
            }
        }

        ThrowOnTwice(newcomer.Services.Select(s => $"service {s.Contract} ({s.Name})"), name);
        ThrowOnTwice(newcomer.Tasks.Select(t => $"task {t.Name}"), name);
        ThrowOnTwice(newcomer.Schedules.Select(s => $"schedule {s.Name}"), name);
        ScheduleTimes.Check(newcomer);
        ThrowOnTwice(newcomer.Resources.Select(r => $"resource {r.Name}"), name);
        ThrowOnTwice(newcomer.Endpoints.SelectMany(Routes), name);
    }

    private static bool IsRooted(EndpointDescriptor endpoint) => endpoint.Pattern.StartsWith("~/", StringComparison.Ordinal);

    private static IEnumerable<string> Routes(EndpointDescriptor endpoint) =>
        endpoint.Methods.DefaultIfEmpty("any method").Select(m => $"route {m} /{Shape(endpoint.Pattern)} (order {endpoint.Order})");

    /// <summary>Two patterns that differ in the names of plain parameters only match the same paths.</summary>
    private static string Shape(string pattern) => string.Join('/', pattern.Trim('/').Split('/').Select(segment =>
        segment.StartsWith('{') && segment.EndsWith('}') && !segment.Contains(':', StringComparison.Ordinal) && !segment.Contains('*', StringComparison.Ordinal) && segment.LastIndexOf('{') == 0
            ? "{}"
            : segment.ToLowerInvariant()));

    private static void ThrowOnTwice(IEnumerable<string> declared, string plugin)
    {
        if (declared.GroupBy(d => d, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw Clash($"{plugin} declares the {twice.Key} twice, so {plugin} clashes with itself. Remove or rename one of the two.");
        }
    }

    private static NexusException Clash(string text) => new(ErrorCodes.PluginRegistrationFailed, text);
}
