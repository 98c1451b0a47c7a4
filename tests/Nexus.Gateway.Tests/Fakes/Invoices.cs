namespace Nexus.Gateway.Tests.Fakes;

/// <summary>A resource with every thing that routes look at.</summary>
internal static class Invoices
{
    public const string Path = "/api/business/billing/invoices";

    public static ResourceDescriptor Descriptor { get; } = new()
    {
        Plugin = "sample.billing",
        Name = "invoices",
        Singular = "Invoice",
        Description = "Bills sent to customers.",
        Fields =
        [
            new() { Name = "number", Kind = FieldKind.Text, Required = true, MaxLength = 20 },
            new() { Name = "quantity", Kind = FieldKind.Integer, Minimum = 0 },
            new() { Name = "total", Kind = FieldKind.Money, Nullable = true },
            new() { Name = "dueOn", Kind = FieldKind.Date, Nullable = true },
            new() { Name = "status", Kind = FieldKind.Choice, Choices = ["Draft", "Sent", "Paid"], ReadOnly = true },
            new() { Name = "pin", Kind = FieldKind.Text, Secret = true, Nullable = true },
            new() { Name = "lines", Kind = FieldKind.List, Element = new() { Name = "line", Kind = FieldKind.Group, Fields = [new() { Name = "text", Kind = FieldKind.Text }] } },
        ],
        Search = ["number"],
        Actions = [new() { Name = "pay", Description = "Marks it paid.", Input = [new() { Name = "note", Kind = FieldKind.Text }], Run = (_, change, _) => ValueTask.FromResult(change.After) }],
    };

    public static ActivePlugin Plugin(IGeneration? lease = null) => new()
    {
        Manifest = new PluginManifest { Name = "sample.billing", Version = "1.2.0", Category = PluginCategory.Business, Description = "Bills.", Entry = "billing.dll" },
        Generation = 1,
        Lease = lease ?? new FakeGeneration(),
        Resources = [Descriptor],
    };
}
