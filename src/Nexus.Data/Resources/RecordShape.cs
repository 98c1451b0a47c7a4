using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Nexus.Data.Audit;

namespace Nexus.Data.Resources;

/// <summary>A descriptor made ready for the hot path, once: names as UTF-8, patterns compiled, defaults as bytes. Immutable.</summary>
internal sealed class RecordShape
{
    // Keyed weakly: a descriptor holds delegates of its plugin and must go when the plugin goes.
    private static readonly ConditionalWeakTable<ResourceDescriptor, RecordShape> Shapes = [];
    private static readonly ConditionalWeakTable<object, FieldTable> Inputs = [];

    private RecordShape(ResourceDescriptor descriptor)
    {
        Table = descriptor.Table;
        Fields = new(descriptor.Fields);
        HasSecrets = Fields.All.Any(HasSecret);
        HasProtected = Fields.All.Any(IsProtected);
        HasReferences = Fields.All.Any(HasReference);
        ReadPermission = descriptor.PermissionFor("read");
        CreatePermission = descriptor.PermissionFor("create");
        UpdatePermission = descriptor.PermissionFor("update");
        DeletePermission = descriptor.PermissionFor("delete");
    }

    public string Table { get; }

    public FieldTable Fields { get; }

    public bool HasSecrets { get; }

    /// <summary>Whether a field is encrypted at rest.</summary>
    public bool HasProtected { get; }

    /// <summary>What was last decided about the audit of reads.</summary>
    public ReadMark? Reads { get; set; }

    public bool HasReferences { get; }

    public string ReadPermission { get; }

    public string CreatePermission { get; }

    public string UpdatePermission { get; }

    public string DeletePermission { get; }

    public static RecordShape For(ResourceDescriptor descriptor) => Shapes.GetValue(descriptor, static d => new(d));

    public static FieldTable InputOf(ActionDescriptor action) => Inputs.GetValue(action, static a => new(((ActionDescriptor)a).Input));

    public static FieldTable InputOf(ToolDescriptor tool) => Inputs.GetValue(tool, static t => new(((ToolDescriptor)t).Input));

    private static bool HasSecret(FieldShape field) =>
        field.Declared.Secret || (field.Element is { } element && HasSecret(element)) || field.Fields.All.Any(HasSecret);

    private static bool IsProtected(FieldShape field) =>
        field.Declared.Secret || field.Declared.Personal || (field.Element is { } element && IsProtected(element)) || field.Fields.All.Any(IsProtected);

    private static bool HasReference(FieldShape field) =>
        field.Declared.Kind == FieldKind.Reference || (field.Element is { } element && HasReference(element)) || field.Fields.All.Any(HasReference);
}

/// <summary>Fields by name.</summary>
internal sealed class FieldTable(ImmutableArray<FieldDescriptor> fields)
{
    public FieldShape[] All { get; } = [.. fields.Select(f => new FieldShape(f))];

    /// <summary>Index of a field; the one after the last found is tried first, because bodies mostly keep the declared order.</summary>
    public int IndexOf(ReadOnlySpan<byte> name, int expected)
    {
        if (expected < All.Length && name.SequenceEqual(All[expected].Name))
        {
            return expected;
        }

        for (int i = 0; i < All.Length; i++)
        {
            if (name.SequenceEqual(All[i].Name))
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>One field made ready.</summary>
internal sealed class FieldShape
{
    // No pattern of a plugin may hold a request for longer, whatever the input.
    private static readonly TimeSpan PatternLimit = TimeSpan.FromMilliseconds(200);

    public FieldShape(FieldDescriptor field)
    {
        Declared = field;
        Name = Encoding.UTF8.GetBytes(field.Name);
        Choices = [.. field.Choices.IsDefault ? [] : field.Choices.Select(Encoding.UTF8.GetBytes)];
        Default = field.Default is { } text ? Encoding.UTF8.GetBytes(text) : null;
        Pattern = field.Pattern is { } pattern ? Compile(pattern) : null;
        Element = field.Element is { } element ? new(element) : null;
        Fields = new(field.Fields.IsDefault ? [] : field.Fields);
    }

    public FieldDescriptor Declared { get; }

    public byte[] Name { get; }

    public byte[][] Choices { get; }

    public byte[]? Default { get; }

    public Regex? Pattern { get; }

    public FieldShape? Element { get; }

    public FieldTable Fields { get; }

    private static Regex Compile(string pattern)
    {
        string whole = $"^(?:{pattern})\\z";
        try
        {
            return new(whole, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, PatternLimit);
        }
        catch (NotSupportedException)
        {
            // Look-arounds and back-references need backtracking; the time limit bounds it.
            return new(whole, RegexOptions.CultureInvariant, PatternLimit);
        }
    }
}
