using System.Collections.Concurrent;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>A schema with the documents that were checked against it. They go with it.</summary>
/// <param name="version">Version of its snapshot.</param>
/// <param name="schema">The schema.</param>
internal sealed class PreparedSchema(long version, Schema schema)
{
    private const int MaxDocuments = 500;
    private const int MaxLength = 20_000;
    private readonly ConcurrentDictionary<string, CheckedDocument> documents = new(StringComparer.Ordinal);
    private volatile GraphQLOptions? checkedWith;

    /// <summary>Version of its snapshot.</summary>
    public long Version { get; } = version;

    /// <summary>The schema.</summary>
    public Schema Schema { get; } = schema;

    /// <summary>A document, parsed and checked; one that was seen before is not checked again.</summary>
    public CheckedDocument Prepare(string text, GraphQLOptions options)
    {
        if (!ReferenceEquals(options, checkedWith))
        {
            // Other limits, or other words in messages: what was checked before may be judged otherwise now.
            documents.Clear();
            checkedWith = options;
        }
        if (documents.TryGetValue(text, out var known))
            return known;
        var result = CheckedDocument.Check(Schema, text, options);
        if (text.Length <= MaxLength)
        {
            if (documents.Count >= MaxDocuments)
                documents.Clear();
            documents[text] = result;
        }
        return result;
    }
}

/// <summary>A document with what is wrong with it.</summary>
internal sealed class CheckedDocument
{
    private CheckedDocument(DocumentNode? document, IReadOnlyList<GraphError> errors)
    {
        (Document, Errors) = (document, errors);
        foreach (var definition in document?.Definitions ?? [])
        {
            if (definition is FragmentDefinition fragment)
                Fragments[fragment.Name.Text] = fragment;
        }
    }

    /// <summary>The document; null when it cannot be parsed.</summary>
    public DocumentNode? Document { get; }

    /// <summary>What is wrong with it.</summary>
    public IReadOnlyList<GraphError> Errors { get; }

    /// <summary>Its fragments by name.</summary>
    public Dictionary<string, FragmentDefinition> Fragments { get; } = new(StringComparer.Ordinal);

    /// <summary>Parses and checks a text.</summary>
    public static CheckedDocument Check(Schema schema, string text, GraphQLOptions options)
    {
        try
        {
            var document = Parser.Parse(text, new ParserLimits(options.Length, options.Tokens));
            var errors = Validator.Validate(schema, document, options.Introspection ? Suggestions.Told : Suggestions.None);
            return new CheckedDocument(document, errors);
        }
        catch (SyntaxException exception)
        {
            return new CheckedDocument(null, [new GraphError(exception.Message, [exception.Location])]);
        }
    }

    /// <summary>The operation of a name, or the only one.</summary>
    /// <exception cref="GraphException">There is none.</exception>
    public OperationDefinition Choose(string? name)
    {
        OperationDefinition? chosen = null;
        foreach (var definition in Document!.Definitions)
        {
            if (definition is not OperationDefinition operation || (name is not null && operation.Name?.Text != name))
                continue;
            if (name is null && chosen is not null)
                throw new GraphException("Must provide operation name if query contains multiple operations.");
            chosen = operation;
        }
        return chosen ?? throw new GraphException(name is null ? "Must provide an operation." : $"Unknown operation named \"{name}\".");
    }
}
