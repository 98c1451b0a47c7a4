using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Nexus.Kernel.Schemas;

/// <summary>Reads YAML 1.2 (core schema) into <see cref="SourceNode"/>s. Built on the event parser, so that depth and aliases are capped before anything is built: YamlDotNet itself caps neither.</summary>
internal sealed partial class YamlSource
{
    public const int MaxBytes = 1024 * 1024;

    // An alias repeats all that its anchor holds: nine levels of nine aliases would be a billion values.
    private const int MaxNodes = 100_000;

    private readonly Dictionary<string, SourceNode> _anchors = new(StringComparer.Ordinal);
    private readonly Parser _parser;
    private readonly string _source;
    private readonly SourceErrors _errors;
    private int _nodes;

    private YamlSource(Parser parser, string source, SourceErrors errors) => (_parser, _source, _errors) = (parser, source, errors);

    /// <summary>Reads a whole document; null when it is empty or cannot be read, which is then among <paramref name="errors"/>.</summary>
    public static SourceNode? Read(ReadOnlySpan<byte> utf8, string source, SourceErrors errors)
    {
        if (utf8.Length > MaxBytes)
        {
            errors.Add(new SourcePosition(source), "", "size", $"the file is larger than {MaxBytes / 1024} KiB");
            return null;
        }

        try
        {
            using var text = new StringReader(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8));
            return new YamlSource(new Parser(text), source, errors).ReadDocument();
        }
        catch (YamlException e)
        {
            errors.Add(new SourcePosition(source, (int)Math.Max(1, e.Start.Line), (int)Math.Max(1, e.Start.Column)), "", "syntax", $"not well-formed YAML: {e.Message.Split('\n')[0]}");
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidOperationException)
        {
            // The scanner lets a few of its own slips out on damaged input; to the operator they are syntax errors.
            errors.Add(new SourcePosition(source, 1, 1), "", "syntax", "not well-formed YAML, or not UTF-8");
        }

        return null;
    }

    private SourceNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
            return null;
        _parser.Consume<DocumentStart>();
        var root = ReadNode("", 0);
        _parser.Consume<DocumentEnd>();
        if (!_parser.Accept<StreamEnd>(out _))
            _errors.Add(At(_parser.Current!), "", "syntax", "the file holds more than one YAML document; keep one");
        return root.Kind == SourceKind.Null ? null : root;
    }

    private SourceNode ReadNode(string pointer, int depth)
    {
        var start = _parser.Current ?? throw new YamlException("unexpected end");
        if (depth > JsonSource.MaxDepth)
            throw new YamlException(start.Start, start.End, $"nested more than {JsonSource.MaxDepth} levels deep");
        if (++_nodes > MaxNodes)
            throw new YamlException(start.Start, start.End, $"more than {MaxNodes} values");
        if (_parser.TryConsume<AnchorAlias>(out var alias))
            return Repeat(alias);
        var anchor = start is NodeEvent { Anchor: { IsEmpty: false } name } ? name.Value : null;
        var node = start switch
        {
            Scalar => ReadScalar(_parser.Consume<Scalar>()),
            SequenceStart => ReadList(pointer, depth),
            MappingStart => ReadMap(pointer, depth),
            _ => throw new YamlException(start.Start, start.End, "a value is missing"),
        };
        if (anchor is not null)
            _anchors[anchor] = node;
        return node;
    }

    private SourceNode Repeat(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
            throw new YamlException(alias.Start, alias.End, $"alias *{alias.Value.Value} has no anchor before it");
        _nodes += Count(node);
        if (_nodes > MaxNodes)
            throw new YamlException(alias.Start, alias.End, $"aliases expand to more than {MaxNodes} values");
        return node;
    }

    private static int Count(SourceNode node) => 1 + node.Elements.Sum(Count) + node.Members.Sum(m => Count(m.Value));

    private SourceNode ReadList(string pointer, int depth)
    {
        var start = _parser.Consume<SequenceStart>();
        var elements = ImmutableArray.CreateBuilder<SourceNode>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
            elements.Add(ReadNode($"{pointer}/{elements.Count}", depth + 1));
        return new SourceNode { Kind = SourceKind.List, Position = At(start), Elements = elements.DrainToImmutable() };
    }

    private SourceNode ReadMap(string pointer, int depth)
    {
        var start = _parser.Consume<MappingStart>();
        var members = ImmutableArray.CreateBuilder<SourceMember>();
        // Configuration keys do not differ by case only, in any source.
        var lines = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            if (!_parser.TryConsume<Scalar>(out var key))
                throw new YamlException(_parser.Current!.Start, _parser.Current.End, "a key must be a plain word");
            var path = SourceErrors.Append(pointer, key.Value);
            var value = ReadNode(path, depth + 1);
            if (key.Value == "<<")
                _errors.Add(At(key), path, "syntax", "merge keys (<<) are not part of YAML 1.2; write the values out");
            else if (lines.TryAdd(key.Value, At(key).Line))
                members.Add(new SourceMember(key.Value, At(key), value));
            else
                _errors.Add(At(key), path, "duplicate_key", $"key {SourceErrors.Quote(key.Value)} was given already on line {lines[key.Value]}; keep one");
        }

        return new SourceNode { Kind = SourceKind.Map, Position = At(start), Members = members.DrainToImmutable() };
    }

    private SourceNode ReadScalar(Scalar scalar)
    {
        var kind = scalar.Style != ScalarStyle.Plain || !scalar.Tag.IsEmpty ? SourceKind.Text : scalar.Value switch
        {
            "" or "~" or "null" or "Null" or "NULL" => SourceKind.Null,
            "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => SourceKind.Boolean,
            var text when Number().IsMatch(text) => SourceKind.Number,
            _ => SourceKind.Text,
        };
        return new SourceNode
        {
            Kind = kind,
            Position = At(scalar),
            Text = kind switch { SourceKind.Null => "", SourceKind.Boolean => scalar.Value.ToLowerInvariant(), _ => scalar.Value },
        };
    }

    private SourcePosition At(ParsingEvent place) => new(_source, (int)place.Start.Line, (int)place.Start.Column);

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
