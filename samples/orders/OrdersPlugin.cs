using System.ComponentModel.DataAnnotations;
using Nexus;

namespace Orders;

public sealed class OrdersPlugin : IPlugin
{
    // Creating an order publishes `orders.orders.created` in the same commit: no code here knows of the inventory.
    public void Configure(IPluginBuilder plugin) => plugin.AddResource<Order>("orders", orders => orders
        .Index(o => o.Sku)
        .Search(o => o.Customer)
        .Attachments(files => files with { MaxCount = 20 })
        .Action("pay", o => o.Status == OrderStatus.Open
            ? o with { Status = OrderStatus.Paid }
            : throw new RuleViolationException($"The order is {o.Status}; only an Open order can become Paid."))
        .Action("cancel", o => o.Status == OrderStatus.Open
            ? o with { Status = OrderStatus.Cancelled }
            : throw new RuleViolationException($"The order is {o.Status}; only an Open order can be cancelled.")));
}

public sealed record Order(
    [property: StringLength(100, MinimumLength = 1)] string Customer,
    [property: StringLength(40, MinimumLength = 1)] string Sku,
    [property: Range(1, 10_000)] int Quantity,
    Money? Total = null) : Resource
{
    [ReadOnlyField] public OrderStatus Status { get; init; }
}

public enum OrderStatus
{
    Open,
    Paid,
    Cancelled,
}
