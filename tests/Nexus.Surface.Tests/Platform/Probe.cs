using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Surface.Tests.Platform;

/// <summary>What the probe asks of another plugin.</summary>
[ServiceContract(Name = "tests.echo")]
public interface IEcho
{
    Task<string> RequestIdAsync(string table, CancellationToken cancellationToken = default);
}

/// <summary>Answers with the request id it runs under, after a write of its own.</summary>
internal sealed class EchoPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin) => plugin.Provide<IEcho, Echo>();

    private sealed class Echo(IDocuments documents) : IEcho
    {
        public async Task<string> RequestIdAsync(string table, CancellationToken cancellationToken)
        {
            // Off the caller's thread: the caller goes on in its own flow.
            await Task.Yield();
            await documents.SetAsync(table, 1, cancellationToken);
            return CallContext.Current.CorrelationId;
        }
    }
}

/// <summary>A plugin whose one route does all that a handler can: calls a service, stores, publishes, leaves work for after the answer.</summary>
internal sealed class ProbePlugin(Task release) : IPlugin
{
    public static PluginManifest Manifest(string name) => new() { Name = name, Version = "1.0.0", Category = PluginCategory.Custom, Description = "For tests.", Entry = "" };

    public static Task<PluginTestHost> StartAsync(Task? release = null) => PluginTestHost.StartAsync(options =>
    {
        options.Add(Manifest("probe"), () => new ProbePlugin(release ?? Task.CompletedTask));
        options.Add(Manifest("echo"), () => new EchoPlugin());
    });

    public void Configure(IPluginBuilder plugin)
    {
        plugin.Require<IEcho>();
        plugin.AddResource<Remark>("remarks", _ => { });
        plugin.MapEndpoints(routes =>
        {
            routes.MapGet("/flow", async (HttpContext context, IEcho echo, IDocuments documents, IEvents events) =>
            {
                var id = await echo.RequestIdAsync("seen");
                await documents.SetAsync("flow", id);
                await events.PublishAsync(new EventMessage { Name = "probe.asked", Data = "{}"u8.ToArray() });
                return id;
            });
            routes.MapGet("/later", (HttpContext context) =>
            {
                context.AfterResponse(async (services, cancellationToken) =>
                {
                    await release.WaitAsync(cancellationToken);
                    await services.GetRequiredService<IDocuments>().SetAsync("later", CallContext.Current.CorrelationId, cancellationToken);
                });
                return "answered";
            });
            routes.MapGet("/done", async (IDocuments documents) => await documents.GetAsync<string>("later") ?? "");
        });
    }
}

/// <summary>Text of a caller.</summary>
public sealed record Remark(string Text) : Resource;
