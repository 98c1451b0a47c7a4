using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Core.Identity.Policy;

namespace Nexus.Core.Identity.Roles;

/// <summary>Offers the roles that plugins bring, in every tenant, as soon as the plugin is active. A plugin's role reaches no further than its own suite: installing one must not make a second administrator's role under a harmless name.</summary>
internal sealed partial class BroughtRoles(IPlugins plugins, Catalogue catalogue, ILogger<BroughtRoles> log) : BackgroundService
{
    /// <summary>Takes over what the plugins that are active now bring.</summary>
    public async Task TakeAsync(CancellationToken cancellationToken)
    {
        foreach (var plugin in plugins.Current.Plugins)
        {
            foreach (var brought in plugin.Roles)
            {
                if (!Catalogue.IsName(brought.Name) || brought.Permissions.Any(p => !IsOwn(plugin.Manifest, p)))
                {
                    Refused(log, brought.Name, plugin.Manifest.Name);
                    continue;
                }

                // Whoever may work with the plugin may also sign out, change its password and keep its profile.
                var role = new Role { Name = brought.Name, Description = brought.Description, Permissions = [.. brought.Permissions, "core.identity:use"], BuiltIn = true };
                foreach (var tenant in catalogue.TenantNames.Except(catalogue.Away.All)) await catalogue.EnsureAsync(tenant, role, cancellationToken);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // The token before the look: a change in between is seen by the next round.
            var changed = Task.WhenAny(ChangedAsync(plugins.GetChangeToken(), stoppingToken), catalogue.Away.Returned);
            try
            {
                await TakeAsync(stoppingToken);
            }
            catch (NexusException e)
            {
                Failed(log, e.Message);
            }

            await await changed;
        }
    }

    private static async Task ChangedAsync(IChangeToken token, CancellationToken stoppingToken)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = token.RegisterChangeCallback(static s => ((TaskCompletionSource)s!).TrySetResult(), source);
        await source.Task.WaitAsync(stoppingToken);
    }

    private static bool IsOwn(PluginManifest plugin, string permission)
    {
        var suite = plugin.Name.Split('.')[0];
        return Grant.Parse(permission) is { Length: > 0 } grants && grants.All(g => plugin.Category == PluginCategory.Core || g.Resource == suite || g.Resource.StartsWith(suite + ".", StringComparison.Ordinal));
    }

    [LoggerMessage(1, LogLevel.Warning, "The role {Role} of {Plugin} is not offered: its name is none, or it reaches beyond the plugin's own suite.")]
    private static partial void Refused(ILogger log, string role, string plugin);

    [LoggerMessage(2, LogLevel.Warning, "Roles of plugins could not be stored; they are tried again when plugins change: {Reason}")]
    private static partial void Failed(ILogger log, string reason);
}
