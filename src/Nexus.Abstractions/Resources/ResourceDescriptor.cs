using System.Collections.Immutable;

namespace Nexus;

/// <summary>The complete inert description of a resource. Every surface is drawn from it and none reflects.</summary>
public sealed record ResourceDescriptor
{
    /// <summary>Id of the plugin that declares it.</summary>
    public required string Plugin { get; init; }

    /// <summary>Plural lower-case name, such as <c>orders</c>; a path segment.</summary>
    public required string Name { get; init; }

    /// <summary>Singular name of one record in PascalCase, such as <c>Order</c>; schema and type name.</summary>
    public required string Singular { get; init; }

    /// <summary>One sentence for people.</summary>
    public string? Description { get; init; }

    /// <summary>The declared fields, in order; the platform's own (id, revision, …) are not among them.</summary>
    public required ImmutableArray<FieldDescriptor> Fields { get; init; }

    /// <summary>Declared indexes.</summary>
    public ImmutableArray<IndexDescriptor> Indexes { get; init; } = [];

    /// <summary>Names of the fields of the full-text index (<c>q=</c>); the first ones weigh more where the best come first.</summary>
    public ImmutableArray<string> Search { get; init; } = [];

    /// <summary>Language of the search fields, one of <see cref="SearchLanguages"/>; null when words are searched as they are.</summary>
    public string? SearchLanguage { get; init; }

    /// <summary>Named changes.</summary>
    public ImmutableArray<ActionDescriptor> Actions { get; init; } = [];

    /// <summary>A rule of the plugin, run before a record is written; null when there is none. Called under the plugin's lease.</summary>
    public RecordHook? BeforeWrite { get; init; }

    /// <summary>Version of the stored form; grows when <see cref="Upgrade"/> must run.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>Brings a stored record of an older schema version to the current one; null when additive changes suffice.</summary>
    public RecordUpgrade? Upgrade { get; init; }

    /// <summary>How answers about it are cached; null when they are not.</summary>
    public CachedAnswer? Cached { get; init; }

    /// <summary>What may be attached to its records; null when nothing is.</summary>
    public AttachmentRules? Attachments { get; init; }

    /// <summary>Where its records are read when they are rows of the plugin's own database; null for stored records. What has one is only read: it has no changes, actions, rules or events.</summary>
    public ViewDescriptor? View { get; init; }

    /// <summary>Name of its table: <c>{plugin}.{name}</c>.</summary>
    public string Table => $"{Plugin}.{Name}";

    /// <summary>The permission for an action on it, without scope: <c>{plugin}.{name}:{action}</c>.</summary>
    public string PermissionFor(string action) => $"{Plugin}.{Name}:{action}";

    /// <summary>The name of an event about it: <c>{plugin}.{name}.{verb}</c>.</summary>
    public string EventFor(string verb) => $"{Plugin}.{Name}.{verb}";

    /// <summary>Kind of <c>id</c>: a UUID of stored records, a text of a view's.</summary>
    public FieldKind IdKind => View is null ? FieldKind.Identifier : FieldKind.Text;
}

/// <summary>One part of a resource or of an action's input.</summary>
public sealed record FieldDescriptor
{
    /// <summary>Name on the wire, camelCase.</summary>
    public required string Name { get; init; }

    /// <summary>Its kind.</summary>
    public required FieldKind Kind { get; init; }

    /// <summary>A value must be given and may not be null.</summary>
    public bool Required { get; init; }

    /// <summary>Null is a value of it.</summary>
    public bool Nullable { get; init; }

    /// <summary>Set by the platform or by actions only.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Never returned.</summary>
    public bool Secret { get; init; }

    /// <summary>About a person.</summary>
    public bool Personal { get; init; }

    /// <summary>Label for people; derived from the name when absent.</summary>
    public string? Label { get; init; }

    /// <summary>Help for people.</summary>
    public string? Description { get; init; }

    /// <summary>Unit of a number.</summary>
    public string? Unit { get; init; }

    /// <summary>Least length of text or list.</summary>
    public int? MinLength { get; init; }

    /// <summary>Greatest length of text (UTF-16 units) or list.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Least number, inclusive.</summary>
    public decimal? Minimum { get; init; }

    /// <summary>Greatest number, inclusive.</summary>
    public decimal? Maximum { get; init; }

    /// <summary>Regular expression that the whole text matches; run with a time limit and without backtracking where possible.</summary>
    public string? Pattern { get; init; }

    /// <summary>Words of a choice, in order.</summary>
    public ImmutableArray<string> Choices { get; init; } = [];

    /// <summary>Resource referred to, <c>{plugin}.{name}</c> or <c>{name}</c> of the same plugin.</summary>
    public string? Target { get; init; }

    /// <summary>Name of the record type by which the plugin refers to it, such as <c>Customer</c>; null when it is not known.</summary>
    public string? TargetType { get; init; }

    /// <summary>Element of a list or map.</summary>
    public FieldDescriptor? Element { get; init; }

    /// <summary>Fields of a group.</summary>
    public ImmutableArray<FieldDescriptor> Fields { get; init; } = [];

    /// <summary>Default value as JSON text, used when a create omits the field; null means none.</summary>
    public string? Default { get; init; }
}

/// <summary>An index over fields of a resource.</summary>
/// <param name="Fields">Field names in order.</param>
/// <param name="Unique">Two records of one tenant may not have equal values; nulls are distinct.</param>
public sealed record IndexDescriptor(ImmutableArray<string> Fields, bool Unique = false);

/// <summary>A named change of a record: <c>POST …/{id}/actions/{name}</c>.</summary>
public sealed record ActionDescriptor
{
    /// <summary>kebab-case name.</summary>
    public required string Name { get; init; }

    /// <summary>One sentence for people.</summary>
    public string? Description { get; init; }

    /// <summary>Fields of its input; empty when it takes none.</summary>
    public ImmutableArray<FieldDescriptor> Input { get; init; } = [];

    /// <summary>Computes the record after the action. Called under the plugin's lease.</summary>
    public required RecordHook Run { get; init; }
}

/// <summary>Code of a plugin that computes the record to store.</summary>
/// <param name="services">A scope of the plugin's provider.</param>
/// <param name="change">The record as it is and what is asked.</param>
/// <param name="cancellationToken">Stops the work.</param>
/// <returns>The declared fields of the record to store, as UTF-8 JSON.</returns>
public delegate ValueTask<ReadOnlyMemory<byte>> RecordHook(IServiceProvider services, RecordChange change, CancellationToken cancellationToken);

/// <summary>Brings the declared fields of a stored record from an older schema version to the current one.</summary>
public delegate ReadOnlyMemory<byte> RecordUpgrade(int fromVersion, ReadOnlyMemory<byte> fields);

/// <summary>What a <see cref="RecordHook"/> is given; all JSON is the wire form.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="Before">The whole record before (with id, revision, …), empty on create.</param>
/// <param name="After">The whole record as asked for, after defaults, merge and validation; on an action equal to <paramref name="Before"/>.</param>
/// <param name="Input">Input of an action; empty otherwise.</param>
public sealed record RecordChange(ChangeKind Kind, ReadOnlyMemory<byte> Before, ReadOnlyMemory<byte> After, ReadOnlyMemory<byte> Input);
