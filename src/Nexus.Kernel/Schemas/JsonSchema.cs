using System.Collections.Frozen;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Nexus.Kernel.Schemas;

/// <summary>A compiled schema of the subset of JSON Schema 2020-12 that manifests and plugin configuration use. Keywords outside the subset are errors of the schema, never ignored: what is written holds. Immutable, thread-safe.</summary>
internal sealed class JsonSchema
{
    // Definitions that use each other twice double with every level: 30 levels would be a billion.
    private const int MaxSize = 10_000;

    private static readonly FrozenSet<string> Keywords = FrozenSet.ToFrozenSet(
        [
            "$schema", "$id", "$ref", "$defs", "$comment", "title", "description", "default", "examples", "secret", "restart", "type", "enum", "const",
            "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "format",
            "required", "properties", "additionalProperties", "propertyNames", "items", "minItems", "maxItems", "uniqueItems",
        ],
        StringComparer.Ordinal);

    private static readonly string[] TypeNames = ["null", "boolean", "integer", "number", "string", "array", "object"];

    // Not a default of Additional: Any's own constructor runs before Any is set.
    private JsonSchema? _additional;
    private bool _closed;
    private long _size = 1;

    /// <summary>Allows everything.</summary>
    public static JsonSchema Any { get; } = new();

    public string? Description { get; private set; }

    public SourceNode? Default { get; private set; }

    /// <summary>The value is never shown.</summary>
    public bool Secret { get; private set; }

    /// <summary>A change takes effect at the next start of the node.</summary>
    public bool Restart { get; private set; }

    public IReadOnlyList<string> Types { get; private set; } = [];

    public IReadOnlyList<SourceNode>? Allowed { get; private set; }

    public double? Minimum { get; private set; }

    public double? Maximum { get; private set; }

    public IReadOnlyDictionary<string, JsonSchema> Properties { get; private set; } = FrozenDictionary<string, JsonSchema>.Empty;

    public IReadOnlyList<string> Required { get; private set; } = [];

    public JsonSchema? Elements { get; private set; }

    /// <summary>Schema of members that <see cref="Properties"/> does not name; null refuses them.</summary>
    public JsonSchema? Additional => _closed ? null : _additional ?? Any;

    internal JsonSchema? Names { get; private set; }

    internal double? ExclusiveMinimum { get; private set; }

    internal double? ExclusiveMaximum { get; private set; }

    internal int? MinLength { get; private set; }

    internal int? MaxLength { get; private set; }

    internal Regex? Pattern { get; private set; }

    internal string? Format { get; private set; }

    internal int? MinItems { get; private set; }

    internal int? MaxItems { get; private set; }

    internal bool UniqueItems { get; private set; }

    /// <summary>Compiles a schema; what is wrong with it is added to <paramref name="errors"/> with its place.</summary>
    public static JsonSchema Compile(SourceNode schema, SourceErrors errors, string pointer = "") =>
        new Compiler(schema, errors).Compile(schema, pointer, 0);

    /// <summary>Checks a value and adds every error, each with its place, key and what is allowed.</summary>
    /// <param name="value">The value.</param>
    /// <param name="errors">Collects the errors.</param>
    /// <param name="pointer">JSON pointer of the value.</param>
    /// <param name="typedBySchema">Texts count as numbers and booleans where the schema wants them: for environment variables and options, which are all text.</param>
    /// <param name="isPart">The value is one layer of several: what is required may stand in another.</param>
    public void Check(SourceNode value, SourceErrors errors, string pointer = "", bool typedBySchema = false, bool isPart = false) =>
        new SchemaCheck(errors, typedBySchema, isPart).Check(this, value, pointer);

    /// <summary>What is allowed, in words.</summary>
    public string Describe()
    {
        if (Allowed is { } allowed)
            return "one of " + string.Join(", ", allowed.Select(a => a.Text));
        var words = Types.Count == 0 ? "any value" : string.Join(" or ", Types.Select(Article));
        var low = Minimum ?? ExclusiveMinimum;
        var high = Maximum ?? ExclusiveMaximum;
        return (low, high) switch
        {
            ({ } l, { } h) => string.Create(CultureInfo.InvariantCulture, $"{words} from {l} to {h}"),
            ({ } l, null) => string.Create(CultureInfo.InvariantCulture, $"{words} of at least {l}"),
            (null, { } h) => string.Create(CultureInfo.InvariantCulture, $"{words} of at most {h}"),
            _ => words,
        };
    }

    private static string Article(string type) => type switch
    {
        "null" => "null",
        "integer" or "array" or "object" => $"an {type}",
        _ => $"a {type}",
    };

    private sealed class Compiler(SourceNode root, SourceErrors errors)
    {
        private readonly Dictionary<string, JsonSchema?> _definitions = new(StringComparer.Ordinal);

        public JsonSchema Compile(SourceNode node, string pointer, int depth)
        {
            if (node.Kind == SourceKind.Boolean && node.Text == "true")
                return Any;
            if (node.Kind != SourceKind.Map || depth > JsonSource.MaxDepth)
            {
                errors.Add(node.Position, pointer, "schema", "a schema must be an object, or true");
                return Any;
            }

            // Beside a reference only words may stand (title, description): they do not change what is allowed.
            if (node.Find("$ref") is { } reference)
                return Resolve(reference, pointer, depth);
            var schema = new JsonSchema();
            foreach (var member in node.Members)
                Apply(schema, member, SourceErrors.Append(pointer, member.Name), depth);
            schema._size = 1 + schema.Properties.Values.Sum(p => p._size) + (schema.Elements?._size ?? 0) + (schema._additional?._size ?? 0);
            if (schema._size > MaxSize)
            {
                errors.Add(node.Position, pointer, "schema", $"expands to more than {MaxSize} schemas");
                return Any;
            }

            foreach (var name in schema.Required.Where(r => schema.Additional is null && !schema.Properties.ContainsKey(r)))
                errors.Add(node.Position, pointer, "schema", $"'required' names {SourceErrors.Quote(name)}, which is not among 'properties'");
            if (schema.Default is { } value && !errors.Any)
                schema.Check(value, errors, SourceErrors.Append(pointer, "default"));
            return schema;
        }

        private JsonSchema Resolve(SourceNode reference, string pointer, int depth)
        {
            const string prefix = "#/$defs/";
            var name = reference.Text.StartsWith(prefix, StringComparison.Ordinal) ? reference.Text[prefix.Length..] : null;
            if (name is null || root.Find("$defs")?.Find(name) is not { } definition)
            {
                errors.Add(reference.Position, pointer, "schema", $"'$ref' must be {prefix}NAME of a definition in this schema");
                return Any;
            }

            if (_definitions.TryGetValue(name, out var known))
            {
                if (known is null)
                    errors.Add(reference.Position, pointer, "schema", $"the definition {SourceErrors.Quote(name)} refers to itself; write out as many levels as are meant");
                return known ?? Any;
            }

            // Null while it is compiled, so that a circle is seen.
            _definitions[name] = null;
            var compiled = Compile(definition, prefix[1..] + name, depth + 1);
            _definitions[name] = compiled;
            return compiled;
        }

        private void Apply(JsonSchema schema, SourceMember member, string pointer, int depth)
        {
            var value = member.Value;
            switch (member.Name)
            {
                case "description": schema.Description = Text(value, pointer); break;
                case "default": schema.Default = value; break;
                case "secret": schema.Secret = Flag(value, pointer); break;
                case "restart": schema.Restart = Flag(value, pointer); break;
                case "type": schema.Types = TypesOf(value, pointer); break;
                case "enum": schema.Allowed = List(value, pointer); break;
                case "const": schema.Allowed = [value]; break;
                case "minimum": schema.Minimum = Number(value, pointer); break;
                case "maximum": schema.Maximum = Number(value, pointer); break;
                case "exclusiveMinimum": schema.ExclusiveMinimum = Number(value, pointer); break;
                case "exclusiveMaximum": schema.ExclusiveMaximum = Number(value, pointer); break;
                case "minLength": schema.MinLength = Count(value, pointer); break;
                case "maxLength": schema.MaxLength = Count(value, pointer); break;
                case "minItems": schema.MinItems = Count(value, pointer); break;
                case "maxItems": schema.MaxItems = Count(value, pointer); break;
                case "uniqueItems": schema.UniqueItems = Flag(value, pointer); break;
                case "pattern": schema.Pattern = Expression(value, pointer); break;
                case "format": schema.Format = Text(value, pointer); break;
                case "required": schema.Required = [.. List(value, pointer).Select(v => Text(v, pointer) ?? "")]; break;
                case "properties": schema.Properties = Map(value, pointer, depth); break;
                case "additionalProperties": ApplyAdditional(schema, value, pointer, depth); break;
                case "propertyNames": schema.Names = Compile(value, pointer, depth + 1); break;
                case "items": schema.Elements = Compile(value, pointer, depth + 1); break;
                case "$defs": Map(value, pointer, depth); break;
                default:
                    if (!Keywords.Contains(member.Name))
                        errors.Add(member.Position, pointer, "schema", $"keyword {SourceErrors.Quote(member.Name)} is not among the supported ones{Suggestion.Phrase(member.Name, Keywords)} (supported: {string.Join(", ", Keywords.Order(StringComparer.Ordinal))})");
                    break;
            }
        }

        private void ApplyAdditional(JsonSchema schema, SourceNode value, string pointer, int depth)
        {
            schema._closed = value is { Kind: SourceKind.Boolean, Text: "false" };
            if (!schema._closed)
                schema._additional = Compile(value, pointer, depth + 1);
        }

        private FrozenDictionary<string, JsonSchema> Map(SourceNode value, string pointer, int depth)
        {
            if (value.Kind != SourceKind.Map)
                errors.Add(value.Position, pointer, "schema", "must be an object of schemas");
            return value.Members.ToFrozenDictionary(m => m.Name, m => Compile(m.Value, SourceErrors.Append(pointer, m.Name), depth + 1), StringComparer.Ordinal);
        }

        private string[] TypesOf(SourceNode value, string pointer)
        {
            var names = value.Kind == SourceKind.List ? value.Elements : [value];
            foreach (var name in names.Where(n => n.Kind != SourceKind.Text || !TypeNames.Contains(n.Text)))
                errors.Add(name.Position, pointer, "schema", $"{SourceErrors.Quote(name.Text)} is not a type; allowed: {string.Join(", ", TypeNames)}");
            return [.. names.Select(n => n.Text)];
        }

        private Regex? Expression(SourceNode value, string pointer)
        {
            if (Text(value, pointer) is not { } pattern)
                return null;
            try
            {
                return new Regex(EndOfText(pattern), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                // Only patterns that run in linear time: a plugin's schema must not stall the host.
                errors.Add(value.Position, pointer, "schema", "'pattern' must be a regular expression without look-around and back-references");
                return null;
            }
        }

        /// <summary>In JSON Schema <c>$</c> is the end of the text; in .NET it also matches before a last line feed, which would let "1.0.0\n" pass for a version.</summary>
        private static string EndOfText(string pattern)
        {
            var text = new System.Text.StringBuilder(pattern.Length + 8);
            var inClass = false;
            for (var i = 0; i < pattern.Length; i++)
            {
                var c = pattern[i];
                if (c == '\\' && i + 1 < pattern.Length)
                    text.Append(c).Append(pattern[++i]);
                else
                    text.Append(c == '$' && !inClass ? "\\z" : c.ToString());
                inClass = c == '[' || (inClass && c != ']');
            }

            return text.ToString();
        }

        private System.Collections.Immutable.ImmutableArray<SourceNode> List(SourceNode value, string pointer)
        {
            if (value.Kind != SourceKind.List || value.Elements.Length == 0)
                errors.Add(value.Position, pointer, "schema", "must be a list with at least one element");
            return value.Elements;
        }

        private string? Text(SourceNode value, string pointer) => Expect(value, SourceKind.Text, pointer, "a string") ? value.Text : null;

        private bool Flag(SourceNode value, string pointer) => Expect(value, SourceKind.Boolean, pointer, "true or false") && value.Text == "true";

        private double? Number(SourceNode value, string pointer) =>
            Expect(value, SourceKind.Number, pointer, "a number") && ConfigurationValues.TryParseNumber(value.Text, out var number) ? number : null;

        private int? Count(SourceNode value, string pointer)
        {
            if (int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return count;
            errors.Add(value.Position, pointer, "schema", "must be a whole number from 0");
            return null;
        }

        private bool Expect(SourceNode value, SourceKind kind, string pointer, string words)
        {
            if (value.Kind == kind)
                return true;
            errors.Add(value.Position, pointer, "schema", $"must be {words}");
            return false;
        }
    }
}
