using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus;

namespace Inventory;

public sealed class InventoryPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<Stock>("stock", stock => stock.Unique(s => s.Sku));
        plugin.AddResource<Reservation>("reservations", reservations => reservations.Unique(r => r.OrderId));
        plugin.On("orders.orders.created", ReserveAsync);
    }

    // A durable event may come twice, but what a handler writes is committed once, together with the event being handled:
    // the stock cannot fall without the reservation, and neither happens again.
    private static async Task ReserveAsync(IServiceProvider services, EventContext context, CancellationToken cancellationToken)
    {
        using var data = JsonDocument.Parse(context.Message.Data);
        var order = data.RootElement.TryGetProperty("record", out var record) ? record : data.RootElement;
        var orderId = order.GetProperty("id").GetGuid();
        var sku = order.GetProperty("sku").GetString()!;
        var quantity = order.GetProperty("quantity").GetInt32();

        var shelves = services.GetRequiredService<IRepository<Stock>>();
        var shelf = (await shelves.ListAsync(new Specification<Stock>(s => s.Sku == sku), 1, cancellationToken)).Records.FirstOrDefault();
        if (shelf is not null) await shelves.UpdateAsync(shelf with { Quantity = shelf.Quantity - quantity }, cancellationToken);
        await services.GetRequiredService<IRepository<Reservation>>().CreateAsync(new Reservation(orderId, sku, quantity), cancellationToken);
    }
}

public sealed record Stock([property: StringLength(40, MinimumLength = 1)] string Sku, int Quantity) : Resource;

public sealed record Reservation(Guid OrderId, string Sku, int Quantity) : Resource;
