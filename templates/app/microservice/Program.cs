using Nexus;

// A service that lives by events: it answers each order with an invoice. Durable: what happens while it is off waits for it.
return await NexusApp.Create("my-app", "0.1.0")
    .Add<InvoicingPlugin>()
    .RunAsync(args);

public sealed class InvoicingPlugin : IPlugin, ICheckHealth
{
    private int invoiced;

    public void Configure(IPluginBuilder plugin)
    {
        plugin.On<OrderPlaced>(async (services, order, cancellationToken) =>
        {
            Interlocked.Increment(ref invoiced);
            await services.GetRequiredService<IEvents>().PublishAsync(new InvoiceIssued(order.Number), cancellationToken: cancellationToken);
        });
        plugin.MapEndpoints(routes => routes.MapGet("/count", () => invoiced).AllowAnonymous());
    }

    public Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) => Task.FromResult(PluginHealth.Healthy);
}

[Event("orders.placed")]
public sealed record OrderPlaced(string Number);

[Event("invoices.issued")]
public sealed record InvoiceIssued(string Order);
