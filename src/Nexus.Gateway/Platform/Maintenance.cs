using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Notifications;

namespace Nexus;

/// <summary>The care of a node as tasks, for schedules of the operator (<c>tasks.schedules</c>) and for whoever starts one: each shows its progress, and of several nodes one runs it.</summary>
public sealed class Maintenance : IPlugin
{
    /// <summary>Its facts.</summary>
    public static PluginManifest Manifest { get; } = new()
    {
        Name = "core.maintenance",
        Version = "0.1.0",
        Category = PluginCategory.Core,
        Description = "Care of the database and its search index, as tasks.",
        DisplayName = "Maintenance",
        Entry = "",
        Isolation = PluginIsolation.Stable,
        Author = "The Nexus authors",
        License = "MIT",
    };

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin) => plugin
        .AddTask("system_maintenance", OptimizeAsync, task => task with { Description = "Make declared indexes again that are missing, and bring the planner's figures up to date.", Atomic = false, Concurrency = 1 })
        .AddTask<IndexInput?>("index_documents", IndexAsync, task => task with { Description = "Make the full-text index of one resource, or of all, anew from the records.", Atomic = false, Concurrency = 1 })
        .AddTask<LongInput?>("long_running_task", RunLongAsync, task => task with { Description = "Does nothing for a while and tells how far it is, to try workers, progress and calling off.", Atomic = false })
        .On("user.deleted", ForgetAsync);

    private static async Task OptimizeAsync(IServiceProvider services, TaskContext task, CancellationToken cancellationToken)
    {
        var resources = Resources(services);
        var made = new List<string>();
        for (var i = 0; i < resources.Length; i++)
        {
            task.Report(100.0 * i / resources.Length, resources[i].Table);
            made.AddRange(await services.GetRequiredService<IStorageMaintenance>().OptimizeAsync([resources[i]], cancellationToken));
        }

        task.Log(made.Count == 0 ? "No index was missing." : $"Made again: {string.Join(", ", made)}.");
    }

    private static async Task IndexAsync(IServiceProvider services, IndexInput? input, TaskContext task, CancellationToken cancellationToken)
    {
        var resources = Resources(services);
        if (input?.Resource is { } only)
        {
            resources = resources.RemoveAll(r => r.Table != only);
            if (resources.IsEmpty)
                throw new NexusException(ErrorCodes.ResourceNotFound, $"No active plugin has the resource {only}.");
        }

        var indexed = 0;
        for (var i = 0; i < resources.Length; i++)
        {
            task.Report(100.0 * i / resources.Length, resources[i].Table);
            if (!await services.GetRequiredService<IStorageMaintenance>().RebuildSearchAsync(resources[i], cancellationToken))
                continue;
            indexed++;
            task.Log($"{resources[i].Table} is indexed anew.");
        }

        task.Log(string.Create(CultureInfo.InvariantCulture, $"{indexed} of {resources.Length} resources have search fields."));
    }

    private static async Task RunLongAsync(IServiceProvider services, LongInput? input, TaskContext task, CancellationToken cancellationToken)
    {
        var (seconds, steps) = (input?.Seconds ?? 10, input?.Steps ?? 10);
        if (seconds is not (>= 0 and <= 3600) || steps is < 1 or > 1000)
            throw new NexusException(ErrorCodes.BadRequest, "seconds are 0 to 3600, steps 1 to 1000.");
        for (var i = 1; i <= steps; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds / steps), services.GetRequiredService<TimeProvider>(), cancellationToken);
            task.Report(100.0 * i / steps, string.Create(CultureInfo.InvariantCulture, $"step {i} of {steps}"));
        }
    }

    /// <summary>What the node keeps for a person goes with the account. Whoever else publishes an event of this name takes nothing away.</summary>
    private static async Task ForgetAsync(IServiceProvider services, EventContext told, CancellationToken cancellationToken)
    {
        if (told.Message is { Source: "core.identity", Key: { } person } && services.GetService<NotificationMarks>() is { } marks)
            await marks.ForgetAsync(told.Message.Tenant, person, cancellationToken);
    }

    private static ImmutableArray<ResourceDescriptor> Resources(IServiceProvider services) =>
        [.. services.GetRequiredService<IPlugins>().Current.Plugins.SelectMany(p => p.Resources).Where(r => r.View is null).OrderBy(r => r.Table, StringComparer.Ordinal)];

    /// <summary>What to index.</summary>
    /// <param name="Resource">A resource such as <c>orders.orders</c>; all when left out.</param>
    private sealed record IndexInput(string? Resource);

    /// <summary>How long to run.</summary>
    /// <param name="Seconds">0 to 3600; 10 when left out.</param>
    /// <param name="Steps">1 to 1000; 10 when left out.</param>
    private sealed record LongInput(double? Seconds, int? Steps);
}

/// <summary>Gives what the node keeps of itself to the plugin that tends it, and to no other.</summary>
internal sealed class MaintenancePort(IServiceProvider host) : IPluginPorts
{
    /// <inheritdoc/>
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        if (context.Manifest.Name != Maintenance.Manifest.Name || context.Manifest.Category != PluginCategory.Core)
            return;
        if (host.GetService<IStorageMaintenance>() is { } storage)
            services.AddSingleton(storage);
        if (host.GetService<NotificationMarks>() is { } marks)
            services.AddSingleton(marks);
    }
}
