using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Kernel.Plugins.Endpoints;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Plugins.Loading;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Brings a generation up to the point where it could be published; nothing of it is visible yet.</summary>
internal sealed class GenerationLoader(IServiceProvider host, ContractAssemblies contracts)
{
    public async Task LoadAsync(Generation generation, PluginPackage package, BuiltInPlugin? builtIn, Ascent way, CancellationToken cancellationToken)
    {
        var (enter, pace, limit, turn) = way;

        // 1. Settings, before any of its code runs.
        if (host.GetService<NexusConfiguration>()?.AddPlugin(package.Manifest.Name, package.Manifest.Configuration) is { IsDefaultOrEmpty: false } wrong)
        {
            throw new NexusException(ErrorCodes.PluginConfigurationError, $"The configuration of {package.Manifest.Name} is not valid: {string.Join("; ", wrong.Select(e => e.Message))}") { Errors = wrong };
        }

        // 2. Code.
        enter(PluginState.Loading);
        if (IsolationOf(package.Manifest) == PluginIsolation.Process)
        {
            throw new NexusException(ErrorCodes.PluginIncompatible, $"{package.Manifest.Name} asks for a process of its own, which this host does not offer yet; set `isolation` to hot or stable.");
        }

        if (host.GetService<CapabilityDecisions>() is { } decisions)
        {
            generation.Guard = await decisions.GuardAsync(package.Manifest, cancellationToken);
        }

        CheckCode(generation, package);
        await pace.GiveWayAsync(cancellationToken);
        using var container = new Owner(new ChildContainer(host, generation));
        Configure(generation, package, builtIn, container.Value);
        enter(PluginState.Loaded);
        await pace.GiveWayAsync(cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();

        // 3. Data forward, in a unit of work that stays open until publication.
        enter(PluginState.Initializing);
        var resources = container.Value.Contributions<ResourceContribution>().Select(c => generation.Slots.Wrap(c.Descriptor)).ToImmutableArray();
        var migrations = container.Value.Contributions<MigrationContribution>().SelectMany(c => ReadMigrations(package, c.Folder)).OrderBy(m => m.Version).ToImmutableArray();
        generation.SchemaVersion = migrations.IsEmpty ? 0 : migrations[^1].Version;
        if ((resources.Length > 0 || migrations.Length > 0) && host.GetService<ISchemaChanges>() is { } schema)
        {
            if (turn is not null)
            {
                limit.Pause();
                await turn.ComesAsync(cancellationToken);
            }

            limit.Restart();
            var change = await schema.BeginAsync(new SchemaRequest(package.Manifest.Name, resources, migrations), cancellationToken);
            generation.Began(change);
            limit.Restart();
        }

        turn?.Pass();

        // 4. Container, configuration, routes.
        container.Value.Build();
        container.Release();
        CheckOptions(generation, container.Value);
        await pace.GiveWayAsync(cancellationToken);
        var endpoints = await EndpointReader.ReadAsync(generation, container.Value.Contributions<EndpointContribution>(), pace, cancellationToken);
        generation.Active = Describe(generation, container.Value, resources) with { Endpoints = endpoints };
        if (generation.Guard.Allows(Capability.UiRegister))
        {
            generation.Active = ConsoleParts.Add(generation.Active, package, container.Value);
        }

        cancellationToken.ThrowIfCancellationRequested();

        // 5. Start and health.
        await generation.StartAsync(cancellationToken);
        var health = await generation.CheckHealthAsync(cancellationToken);
        if (health.Status == HealthLevel.Unhealthy)
        {
            throw new NexusException(ErrorCodes.PluginUnhealthy, $"{package.Manifest.Name} {package.Manifest.Version} is not healthy: {health.Detail ?? "it gave no detail"}");
        }

        await pace.GiveWayAsync(cancellationToken);
    }

    /// <summary>Looks into the code for what reaches around the ports, before any of it runs: of each package that arrives and, where it is refused, at every load.</summary>
    private void CheckCode(Generation generation, PluginPackage package)
    {
        var check = host.GetService<PluginsOptions>()?.CodeCheck ?? CodeCheck.Off;
        if (check == CodeCheck.Off || package.Directory.Length == 0 || (check == CodeCheck.Warn && !package.IsArriving) || CodeInspection.Told(package, generation.Guard) is not { } told)
        {
            return;
        }

        generation.Warning = check == CodeCheck.Warn ? told : throw new NexusException(ErrorCodes.CapabilityDenied, told);
    }

    /// <summary>Gives the plugin's settings back to the rules of what serves; of a plugin that does not, its settings are not validated.</summary>
    public void RestoreSettings(string id, PluginManifest? serving)
    {
        if (host.GetService<NexusConfiguration>() is { } configuration)
        {
            configuration.RemovePlugin(id);
            if (serving is not null)
            {
                configuration.AddPlugin(id, serving.Configuration);
            }
        }
    }

    public static PluginIsolation IsolationOf(PluginManifest manifest) =>
        manifest.Isolation ?? (manifest.Category == PluginCategory.Core ? PluginIsolation.Stable : PluginIsolation.Hot);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Configure(Generation generation, PluginPackage package, BuiltInPlugin? builtIn, ChildContainer container)
    {
        IPlugin plugin;
        if (builtIn is not null)
        {
            plugin = builtIn.Create();
        }
        else if (host.GetService<StorageEnginePlugins>()?.Find(package.ContentHash) is { } early)
        {
            generation.Loaded(early.Context);
            plugin = early.Plugin;
        }
        else
        {
            var manifest = package.Manifest;
            var entry = Path.Combine(package.Directory, manifest.Entry);
            if (!File.Exists(entry))
            {
                throw new NexusException(ErrorCodes.PluginLoadFailed, $"{manifest.Name}: the entry assembly {manifest.Entry} is not in the package. Build the plugin, or correct `entry` in its manifest.");
            }

            // The name is how blame of crashes and why-alive find the plugin again.
            var context = new PluginLoadContext($"{manifest.Name}#{generation.Number}", entry, IsolationOf(manifest) == PluginIsolation.Hot, contracts);
            generation.Loaded(context);
            plugin = EntryPoint.Create(context.LoadFromAssemblyPath(entry));
        }

        generation.Created(plugin);
        plugin.Configure(container);
    }

    private static IEnumerable<SqlMigration> ReadMigrations(PluginPackage package, string folder)
    {
        var path = Path.Combine(package.Directory.Length == 0 ? AppContext.BaseDirectory : package.Directory, folder);
        if (!Directory.Exists(path))
        {
            throw new NexusException(ErrorCodes.MigrationFailed, $"{package.Manifest.Name}: the folder {folder} of its migrations is not in the package.");
        }

        // A folder in the folder is named after the dialect that its files are written in.
        foreach (var file in Directory.EnumerateDirectories(path).Prepend(path).SelectMany(d => Directory.EnumerateFiles(d, "*.sql")).Order(StringComparer.Ordinal))
        {
            var within = Path.GetRelativePath(path, Path.GetDirectoryName(file)!);
            var dialect = within == "." ? null : within;
            var name = Path.GetFileName(file);
            var digits = name.AsSpan()[..Math.Max(0, name.AsSpan().IndexOfAnyExceptInRange('0', '9'))];
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            {
                throw new NexusException(ErrorCodes.MigrationFailed, $"{package.Manifest.Name}: {folder}/{name} must begin with its version, such as 0001_name.sql.");
            }

            yield return new SqlMigration(version, name, File.ReadAllText(file)) { Dialect = dialect };
        }
    }

    private static void CheckOptions(Generation generation, ChildContainer container)
    {
        var errors = container.Contributions<OptionsContribution>().SelectMany(o => o.Validate(generation.Services)).ToImmutableArray();
        if (errors.Length > 0)
        {
            throw new NexusException(ErrorCodes.PluginConfigurationError, $"The configuration of {generation.Manifest.Name} is not valid: {string.Join("; ", errors.Select(e => $"{e.Pointer}: {e.Message}"))}") { Errors = errors };
        }
    }

    private static ActivePlugin Describe(Generation generation, ChildContainer container, ImmutableArray<ResourceDescriptor> resources) => new()
    {
        Manifest = generation.Guard.Allows(Capability.UiRegister) ? generation.Manifest : generation.Manifest with { Ui = null },
        Generation = generation.Number,
        Lease = generation,
        Middleware = [.. container.Contributions<MiddlewareContribution>().Select(generation.Slots.Wrap)],
        Resources = resources,
        Subscriptions = [.. container.Contributions<SubscriptionContribution>().Select(c => generation.Guard.Wrap(generation.Slots.Wrap(c.Descriptor)))],
        Tasks = [.. container.Contributions<TaskContribution>().Select(c => generation.Slots.Wrap(c.Descriptor))],
        Schedules = [.. container.Contributions<ScheduleContribution>().Select(c => c.Descriptor)],
        Tools = [.. container.Contributions<ToolContribution>().Select(c => generation.Slots.Wrap(c.Descriptor))],
        Services = [.. container.Contributions<ServiceContribution>().Select(c => generation.Slots.Wrap(c.Descriptor))],
        Authentication = [.. container.Contributions<AuthenticationContribution>().Select(generation.Slots.Wrap)],
        Authorization = container.Contributions<AuthorizationContribution>().Select(generation.Slots.Wrap).SingleOrDefault(),
        Roles = [.. container.Contributions<RoleContribution>()],
        ApiVersions = [.. container.Contributions<ApiVersionContribution>().OrderBy(v => v.Number)],
        SealsAudit = container.Contributions<AuditContribution>().Any(),
        Shared = container.Contributions<SharedPortsContribution>().Select(c => c.Open(generation.Services)).OfType<SharedPorts>().Select(p => generation.Slots.Wrap(p, generation)).FirstOrDefault(),
        Mail = container.Contributions<MailContribution>().Select(generation.Slots.Wrap).FirstOrDefault(),
        Pictures = container.Contributions<PictureContribution>().Select(generation.Slots.Wrap).FirstOrDefault(),
        CacheNames = [.. container.Contributions<CacheNameContribution>().Select(c => c.Name)],
        Quota = generation.Guard.Allowance is { Limits: true } allowance ? allowance : null,
        Requires = [.. container.Contributions<RequirementContribution>().Select(c => c.Service)],
    };

    /// <summary>Disposes the container unless the generation took it over.</summary>
    private sealed class Owner(ChildContainer value) : IDisposable
    {
        private bool released;

        public ChildContainer Value { get; } = value;

        public void Release() => released = true;

        public void Dispose()
        {
            if (!released)
            {
                Value.Dispose();
            }
        }
    }
}
