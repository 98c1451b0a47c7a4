using Nexus.Conformance.Events;
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
