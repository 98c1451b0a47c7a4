using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>The platform's own fields: plugins, and enabling one.</summary>
internal sealed class PluginOperations(IPlugins plugins, IAuthorization authorization, AdministrationTrail administration)
{
    private const string Read = "platform.plugins:read";
    private const string Update = "platform.plugins:update";
    private static readonly EnumType Categories = new("PluginCategory", Enum.GetValues<PluginCategory>().Select(word => new EnumMember(word.ToString().ToUpperInvariant(), word.ToString())), "What a plugin is for.");
    private static readonly EnumType States = new("PluginState", Enum.GetValues<PluginState>().Select(word => new EnumMember(word.ToString().ToUpperInvariant(), word.ToString())), "Where a plugin is in its life.");
    private static readonly ObjectType Plugin = CreatePlugin();

    /// <summary>Adds them to the root types.</summary>
    public void Add(ObjectType query, ObjectType mutation)
    {
        InputField[] id = [new InputField("id", Scalars.String.NonNull) { Description = "Id of the plugin, such as finance.ledger." }];
        query.TryAdd(new FieldType("plugin", Plugin) { Description = "One plugin; null when this node knows none of that id.", Arguments = id, Resolve = (_, arguments, run) => FindAsync((string)arguments["id"]!, run) });
        query.TryAdd(new FieldType("plugins", Plugin.NonNull.List.NonNull)
        {
            Description = "Every plugin that this node knows, sorted by id.",
            Arguments = [new InputField("category", Categories), new InputField("state", States)],
            Resolve = (_, arguments, run) => ListAsync((string?)arguments["category"], (string?)arguments["state"], run),
        });
        mutation.TryAdd(new FieldType("enable_plugin", Plugin.NonNull) { Description = "Sets the stored flag of a plugin and starts it.", Arguments = id, Resolve = (_, arguments, run) => ExecuteAsync(new PluginCommand.Enable((string)arguments["id"]!), run) });
        mutation.TryAdd(new FieldType("disable_plugin", Plugin.NonNull) { Description = "Clears the stored flag of a plugin and stops it.", Arguments = id, Resolve = (_, arguments, run) => ExecuteAsync(new PluginCommand.Disable((string)arguments["id"]!, false), run) });
    }

    private async Task<object?> FindAsync(string id, OperationRun run)
    {
        await DemandAsync(Read, run);
        return plugins.List().FirstOrDefault(plugin => plugin.Id == id);
    }

    private async Task<object?> ListAsync(string? category, string? state, OperationRun run)
    {
        await DemandAsync(Read, run);
        return plugins.List().Where(plugin => (category is null || plugin.Manifest?.Category.ToString() == category) && (state is null || plugin.State.ToString() == state)).ToArray();
    }

    private async Task<object?> ExecuteAsync(PluginCommand command, OperationRun run)
    {
        await DemandAsync(Update, run);
        return await administration.ExecuteAsync(command, null);
    }

    private async Task DemandAsync(string permission, OperationRun run)
    {
        var context = ((SurfaceCall)run.Context!).Context;
        var decision = await authorization.DecideAsync(context, permission, run.Cancellation);
        if (decision.Scope == AccessScope.None)
            throw decision.Refusal(context, permission);
    }

    private static ObjectType CreatePlugin()
    {
        var type = new ObjectType("Plugin", "A plugin of this node.");
        void Add(string name, GraphType result, string description, Func<PluginStatus, object?> read) =>
            type.TryAdd(new FieldType(name, result) { Description = description, Resolve = (source, _, _) => read((PluginStatus)source!) });

        Add("id", Scalars.Id.NonNull, "Its id.", plugin => plugin.Id);
        Add("version", Scalars.String.NonNull, "Version that serves, or that is installed.", plugin => plugin.Version);
        Add("state", States.NonNull, "Where it is in its life.", plugin => plugin.State);
        Add("enabled", Scalars.Boolean.NonNull, "The stored flag.", plugin => plugin.Enabled);
        Add("category", Categories, "What it is for; null when its manifest cannot be read.", plugin => plugin.Manifest?.Category);
        Add("displayName", Scalars.String, "Name for people.", plugin => plugin.Manifest?.DisplayName);
        Add("description", Scalars.String, "One sentence for people.", plugin => plugin.Manifest?.Description);
        Add("author", Scalars.String, "Who wrote it.", plugin => plugin.Manifest?.Author);
        Add("license", Scalars.String, "SPDX expression.", plugin => plugin.Manifest?.License);
        Add("tags", Scalars.String.NonNull.List.NonNull, "Words to find it by.", plugin => plugin.Manifest?.Tags.ToArray() ?? []);
        Add("origin", Scalars.String.NonNull, "core, custom or third-party.", plugin => plugin.Origin);
        Add("generation", FieldScalars.Long.NonNull, "Number of the loaded version, 0 when none is.", plugin => plugin.Generation);
        Add("generationsAlive", Scalars.Int.NonNull, "Old versions that are still in memory.", plugin => plugin.GenerationsAlive);
        Add("health", Scalars.String.NonNull, "Health as it was last seen.", plugin => plugin.Health.Status.ToString());
        Add("cause", Scalars.String, "Why it failed.", plugin => plugin.Cause);
        Add("remedy", Scalars.String, "What to do about it.", plugin => plugin.Remedy);
        Add("since", FieldScalars.DateTime.NonNull, "Since when it is in its state.", plugin => plugin.Since.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture));
        return type;
    }
}
