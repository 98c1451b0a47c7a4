using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Primitives;
using Nexus.Data.Attachments;
using Nexus.Data.Audit;
using Nexus.Data.Resources;
using Nexus.Data.Views;

namespace Nexus.Data.Tests.Resources;

internal enum InvoiceStatus
{
    Draft,
    Sent,
    Paid,
}

internal sealed record Customer([property: StringLength(50)] string Name) : Resource;

internal sealed record Line([property: StringLength(30)] string Text, [property: Range(1, 100)] int Quantity);

internal sealed record Invoice(
    [property: StringLength(20, MinimumLength = 2)][property: RegularExpression("[A-Z0-9-]+")] string Number,
    [property: Range(0.0, 1000000.0)] decimal Total,
    DateOnly DueOn) : Resource
{
    [ReadOnlyField]
    public InvoiceStatus Status { get; init; }

    [Secret]
    public string? Pin { get; init; }

    public Ref<Customer>? Customer { get; init; }

    public Money? Fee { get; init; }

    public DateTimeOffset? SentAt { get; init; }

    [DefaultValue(7)]
    public int Days { get; init; }

    public bool Urgent { get; init; }

    public double? Weight { get; init; }

    public TimeOnly? At { get; init; }

    public TimeSpan? Span { get; init; }

    public Guid? External { get; init; }

    public long? Big { get; init; }

    public InvoiceStatus? Wish { get; init; }

    public ImmutableArray<Line> Lines { get; init; } = [];

    public IReadOnlyDictionary<string, decimal> Rates { get; init; } = ImmutableDictionary<string, decimal>.Empty;

    public JsonElement? Extra { get; init; }
}

internal sealed record Contact(string Kind, [property: Personal] string Value);

internal sealed record Person(string Name, [property: Personal] string Email, [property: Personal] string? Phone = null) : Resource
{
    [Secret]
    public string? Pin { get; init; }

    [Personal]
    public decimal? Salary { get; init; }

    public ImmutableArray<Contact> Contacts { get; init; } = [];
}

internal sealed record ShipInput([property: StringLength(10)] string Carrier, int Parcels = 1);

internal sealed class FakeAuthorization : IAuthorization
{
    public Dictionary<string, AccessScope> Scopes { get; } = [];

    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        new(new AccessDecision(Scopes.GetValueOrDefault(permission, AccessScope.All), "test"));
}

internal sealed class FakeTrail : IAuditTrail
{
    public bool IsKept { get; set; }

    public List<AuditEntry> Recorded { get; } = [];

    public ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
    {
        Recorded.Add(entry);
        return ValueTask.CompletedTask;
    }
}

internal sealed class FakeGeneration(IServiceProvider services) : IGeneration
{
    private int held;

    public int Held => Volatile.Read(ref held);

    public bool Draining { get; set; }

    public IServiceProvider Services => services;

    public CancellationToken Stopping => CancellationToken.None;

    public bool TryEnter()
    {
        if (Draining)
        {
            return false;
        }

        Interlocked.Increment(ref held);
        return true;
    }

    public void Exit() => Interlocked.Decrement(ref held);
}

internal sealed class TestBuilder(string id) : IPluginBuilder
{
    public string Id => id;

    public IServiceCollection Services { get; } = new ServiceCollection();

    public IConfiguration Configuration { get; } = new ConfigurationBuilder().Build();
}

/// <summary>A plugin `shop` with invoices and customers on a storage of its own.</summary>
internal sealed class Shop
{
    public static readonly Caller Ann = new("ann", "Ann", ["red"], []);
    public static readonly Caller Bob = new("bob", "Bob", ["red"], []);
    public static readonly Caller Cid = new("cid", "Cid", ["blue"], []);

    private readonly ActivePlugin plugin;

    public Shop(Action<ResourceBuilder<Invoice>>? declare = null, TimeSpan? hookLimit = null, Func<TimeSpan>? stood = null, IStorage? storage = null, TimeProvider? time = null, IFieldProtection? protection = null, IAuthorization? authorization = null, IConfiguration? reads = null, IBlobStore? blobs = null, IPluginQuota? quota = null)
    {
        var builder = new TestBuilder("shop");
        builder.AddResource<Invoice>("invoices", declare ?? Declare).AddResource<Customer>("customers").AddResource<Person>("people", people => people.Unique(p => p.Email).Index(p => p.Name).Search(p => p.Name).Search(p => p.Phone));
        Storage = storage ?? Fake;
        time ??= TimeProvider.System;
        Accesses = new AccessTrail(() => Storage, Trail, new AccessRules(reads), time, NullLogger<AccessTrail>.Instance);
        var access = new RecordAccess(authorization ?? Authorization, Accesses);
        var sealing = new FieldSealing(() => protection);
        var hooks = new HookRunner(NullLogger<HookRunner>.Instance, TimeProvider.System) { TimeLimit = hookLimit ?? HookRunner.Limit, Stood = stood ?? (static () => TimeSpan.Zero) };
        var preparation = new ChangePreparation(Storage, access, sealing, hooks, Trail, time);
        var execution = new ChangeExecution(Storage, preparation, sealing, new Successor(this));
        Operations = new ResourceOperations(Storage, access, sealing, execution, new IdempotentChanges(Storage, sealing, time), Accesses, hooks, new ViewReader((_, _) => throw new NotSupportedException()));
        var pictures = new AttachedPictures(Storage, () => blobs!, new PictureScaler(() => Plugins, time), NullLogger<AttachedPictures>.Instance);
        Attachments = new AttachmentOperations(Storage, () => blobs!, Operations, access, Trail, pictures, time, NullLogger<AttachmentOperations>.Instance);
        var manifest = new PluginManifest { Name = "shop", Version = "1.0.0", Category = PluginCategory.Business, Description = "Shop.", Entry = "" };
        var services = builder.Services;
        new RepositoryPorts(new ServiceCollection().AddSingleton(Operations).BuildServiceProvider()).Add(services, new PluginPortContext(manifest, 1, null, new FakeGeneration(new ServiceCollection().BuildServiceProvider())));
        Services = services.BuildServiceProvider();
        Lease = new FakeGeneration(Services);
        Resources = [.. Services.GetServices<Contribution>().OfType<ResourceContribution>().Select(c => c.Descriptor)];
        plugin = new() { Manifest = manifest, Generation = 1, Lease = Lease, Resources = Resources, Quota = quota };
    }

    public FakeStorage Fake { get; } = new();

    public FakeTrail Trail { get; } = new();

    public AccessTrail Accesses { get; }

    public IStorage Storage { get; }

    public FakeAuthorization Authorization { get; } = new();

    public FakeGeneration Lease { get; }

    public FakeGeneration? Next { get; set; }

    public IServiceProvider Services { get; }

    public ImmutableArray<ResourceDescriptor> Resources { get; }

    public IResourceOperations Operations { get; }

    public IAttachmentOperations Attachments { get; }

    /// <summary>The plugins of the node; null before there are any.</summary>
    public IPlugins? Plugins { get; set; }

    public ActivePlugin Plugin => plugin;

    public static void Declare(ResourceBuilder<Invoice> invoices) => invoices
        .Index(i => i.DueOn).Search(i => i.Number)
        .Action("send", i => i with { Status = InvoiceStatus.Sent })
        .Action<ShipInput>("ship", (i, input) => i with { Number = $"{input.Carrier}-{input.Parcels}" })
        .Action("pay", i => i.Status == InvoiceStatus.Sent ? i with { Status = InvoiceStatus.Paid } : throw new RuleViolationException($"Invoice {i.Number} is {i.Status}; only a Sent invoice can become Paid."));

    public ResourceCall Call(Caller? caller = null, string resource = "invoices") =>
        new(plugin, Resources.Single(r => r.Name == resource), new CallContext(caller ?? Ann, CallContext.DefaultTenant, "test"));

    public async Task<ChangeResult> ChangeAsync(ChangeKind kind, string? id, string body, Caller? caller = null, long? revision = null, string? action = null, string? key = null, string fingerprint = "f", string resource = "invoices")
    {
        var call = Call(caller, resource);
        if (key is not null)
        {
            call = call with { Idempotency = new(key, fingerprint) };
        }

        var change = new ResourceChange { Kind = kind, Id = id, Body = Encoding.UTF8.GetBytes(body), ExpectedRevision = revision, Action = action };
        return (await Operations.ChangeAsync(call, [change], atomic: false, TestContext.Current.CancellationToken))[0];
    }

    public Task<ChangeResult> CreateAsync(string body, Caller? caller = null) => ChangeAsync(ChangeKind.Create, null, body, caller);

    public async Task<string> NewAsync(string number = "A-1", Caller? caller = null)
    {
        var result = await CreateAsync($$"""{"number":"{{number}}","total":10.50,"dueOn":"2026-01-31","pin":"1234"}""", caller);
        Assert.Null(result.Error);
        return result.Id!;
    }

    /// <summary>The generation that takes over when the first drains.</summary>
    private sealed class Successor(Shop shop) : ICurrentPlugins
    {
        public ResourceCall? Find(ResourceCall call) =>
            shop.Next is { } lease ? call with { Plugin = call.Plugin with { Generation = 2, Lease = lease } } : null;
    }
}

internal sealed class FakeClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>A node with one plugin.</summary>
internal sealed class OnePlugin(ActivePlugin plugin) : IPlugins
{
    public PlatformSnapshot Current { get; } = new(1, [plugin]);

    public ImmutableArray<PluginStatus> List() => [];

    public Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IChangeToken GetChangeToken() => new CancellationChangeToken(CancellationToken.None);
}

internal static class Json
{
    public static JsonElement Of(StoredRecord? record) => JsonDocument.Parse(record!.Json).RootElement;
}
