#!/usr/bin/env dotnet
#:project ../../src/Nexus.Host
using Nexus;
NexusHost.Run<HelloPlugin>(args);
sealed class HelloPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin) =>
        plugin.MapEndpoints(routes => routes.MapGet("/{name}", (string name) => $"Hello, {name}!"));
}
