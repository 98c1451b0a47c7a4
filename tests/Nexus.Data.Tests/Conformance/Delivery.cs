using Nexus.Conformance.Events;
using Nexus.Conformance.Tasks;
using Nexus.Testing;

namespace Nexus.Data.Tests.Conformance;

public sealed class Memory_delivers_events : EventDeliveryConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "memory";
}

public sealed class Sqlite_delivers_events : EventDeliveryConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "sqlite";
}

public sealed class Memory_gives_out_tasks : TaskDeliveryConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "memory";
}

public sealed class Sqlite_gives_out_tasks : TaskDeliveryConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "sqlite";
}

public sealed class Views_on_memory_conform : Nexus.Conformance.Views.ViewConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "memory";
}

public sealed class Views_on_Sqlite_conform : Nexus.Conformance.Views.ViewConformance
{
    protected override void Configure(PluginTestOptions options) => options.Settings["database:type"] = "sqlite";
}
