using System.Runtime.CompilerServices;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Validation;

/// <summary>
/// Checks a document against a schema by the rules of section 5 of the specification. One walk over each definition checks what can be seen there and notes
/// where variables stand; then come the rules about fragments, about variables across fragments, and about fields that share a response key.
/// Errors come in the order of their places. Work is bounded: what costs more than the budget is refused.
/// </summary>
internal sealed partial class Validator
{
    private const int MaxErrors = 100;
    private const int MaxPlaces = 50;
    private readonly Schema schema;
    private readonly DocumentNode document;
    private readonly Suggestions suggestions;
    private readonly List<(int Start, GraphError Error)> errors = [];
    private readonly Dictionary<string, FragmentDefinition> fragments = new(StringComparer.Ordinal);
    private readonly Dictionary<Definition, List<VariableUse>> uses = [];
    private readonly Dictionary<SelectionSet, List<FragmentSpread>> spreads = [];
    private List<VariableUse> current = [];

    private Validator(Schema schema, DocumentNode document, Suggestions suggestions)
    {
        (this.schema, this.document, this.suggestions) = (schema, document, suggestions);
        foreach (var definition in document.Definitions)
        {
            if (definition is FragmentDefinition fragment)
                fragments[fragment.Name.Text] = fragment;
        }
    }

    /// <summary>Checks a document.</summary>
    /// <returns>Its errors, at most a hundred; none when it can be executed.</returns>
    public static IReadOnlyList<GraphError> Validate(Schema schema, DocumentNode document, Suggestions suggestions)
    {
        var validator = new Validator(schema, document, suggestions);
        try
        {
            validator.Run();
        }
        catch (TooComplexException)
        {
            validator.errors.Add((int.MaxValue, new GraphError("Too many validation errors, error limit reached. Validation aborted.", [])));
        }
        return validator.errors.Count == 0 ? [] : [.. validator.errors.OrderBy(error => error.Start).Select(error => error.Error)];
    }

    private void Run()
    {
        CheckDocument();
        foreach (var definition in document.Definitions)
        {
            uses[definition] = current = [];
            if (definition is OperationDefinition operation)
                Walk(operation);
            else if (definition is FragmentDefinition fragment)
                Walk(fragment);
        }
        CheckCycles();
        CheckUnusedFragments();
        foreach (var operation in document.Definitions.OfType<OperationDefinition>())
            CheckVariables(operation);
        new OverlappingFields(schema, fragments, Report).Check(document);
    }

    private void Report(string message, params ReadOnlySpan<int> starts)
    {
        if (errors.Count >= MaxErrors)
            throw new TooComplexException();
        // To say where costs a walk over the source for each place: an error of a thousand places helps nobody and is the dearest.
        if (starts.Length > MaxPlaces)
            starts = starts[..MaxPlaces];
        errors.Add((starts.Length > 0 ? starts[0] : 0, GraphError.At(document, message, starts)));
    }

    private void CheckDocument()
    {
        var operations = new Dictionary<string, Name>(StringComparer.Ordinal);
        var named = new Dictionary<string, Name>(StringComparer.Ordinal);
        var count = document.Definitions.Count(definition => definition is OperationDefinition);
        foreach (var definition in document.Definitions)
        {
            switch (definition)
            {
                case OperationDefinition { Name: { } name } when !operations.TryAdd(name.Text, name):
                    Report($"There can be only one operation named \"{name.Text}\".", operations[name.Text].Start, name.Start);
                    break;
                case OperationDefinition { Name: null } when count > 1:
                    Report("This anonymous operation must be the only defined operation.", definition.Start);
                    break;
                case FragmentDefinition fragment when !named.TryAdd(fragment.Name.Text, fragment.Name):
                    Report($"There can be only one fragment named \"{fragment.Name.Text}\".", named[fragment.Name.Text].Start, fragment.Name.Start);
                    break;
                case SchemaDefinition:
                    Report("The schema definition is not executable.", definition.Start);
                    break;
                case TypeDefinition type:
                    Report($"The \"{type.Name.Text}\" definition is not executable.", definition.Start);
                    break;
                case DirectiveDefinition directive:
                    Report($"The \"{directive.Name.Text}\" definition is not executable.", definition.Start);
                    break;
            }
        }
    }

    private void Walk(OperationDefinition operation)
    {
        var root = schema.Root(operation.Kind);
        var kind = operation.Kind.ToString().ToLowerInvariant();
        if (root is null)
            Report($"The {kind} operation is not supported by the schema.", operation.Start);
        CheckNames(operation.Variables, static v => v.Variable.Name, "variable", "$");
        foreach (var variable in operation.Variables)
        {
            CheckTypeNames(variable.Type);
            var type = schema.Resolve(variable.Type);
            if (type is { Named.IsInput: false })
                Report($"Variable \"${variable.Variable.Name.Text}\" cannot be non-input type \"{Printer.Print(variable.Type)}\".", variable.Type.Start);
            if (variable.DefaultValue is { } value)
                CheckValue(value, type is { Named.IsInput: true } ? type : null);
            WalkDirectives(variable.Directives, "VARIABLE_DEFINITION", null);
        }
        WalkDirectives(operation.Directives, kind.ToUpperInvariant(), null);
        if (operation.Kind == OperationKind.Subscription && root is not null)
            CheckSubscription(operation, root);
        Walk(operation.Selections, root);
    }

    private void Walk(FragmentDefinition fragment)
    {
        var type = CheckCondition(fragment.Condition, $"Fragment \"{fragment.Name.Text}\"");
        WalkDirectives(fragment.Directives, "FRAGMENT_DEFINITION", null);
        Walk(fragment.Selections, type);
    }

    /// <summary>The type of a condition when it is composite; else null, reported.</summary>
    private NamedType? CheckCondition(NamedTypeNode condition, string fragment)
    {
        CheckTypeNames(condition);
        var type = schema.Find(condition.Name);
        if (type is { IsComposite: false })
            Report($"{fragment} cannot condition on non composite type \"{condition.Name}\".", condition.Start);
        return type is { IsComposite: true } ? type : null;
    }

    private void Walk(SelectionSet set, NamedType? parent)
    {
        foreach (var selection in set.Selections)
        {
            switch (selection)
            {
                case Field field:
                    Walk(field, parent);
                    break;
                case InlineFragment fragment:
                    Walk(fragment, parent);
                    break;
                case FragmentSpread spread:
                    Walk(spread, parent);
                    break;
            }
        }
    }

    private void Walk(Field field, NamedType? parent)
    {
        var definition = parent is null ? null : schema.Find(parent, field.Name.Text);
        if (parent is not null && definition is null)
            Report($"Cannot query field \"{field.Name.Text}\" on type \"{parent}\".{SuggestField(parent, field.Name.Text)}", field.Start);
        if (field.Arguments.Length > 0)
            CheckArguments(field, definition);
        WalkDirectives(field.Directives, "FIELD", definition);
        if (definition is not null)
        {
            CheckLeaf(field, definition);
            foreach (var argument in definition.Arguments)
            {
                if (argument.IsRequired && !IsGiven(field.Arguments, argument.Name))
                    Report($"Argument \"{definition}({argument.Name}:)\" of type \"{argument.Type}\" is required, but it was not provided.", field.Start);
            }
            if (ReferenceEquals(definition, Introspection.SchemaField) || ReferenceEquals(definition, Introspection.TypeField))
                CheckIntrospectionDepth(field);
        }
        if (field.Selections is { } set)
            Walk(set, definition?.Type.Named is { IsComposite: true } type ? type : null);
    }

    private void Walk(InlineFragment fragment, NamedType? parent)
    {
        var type = fragment.Condition is { } condition ? CheckCondition(condition, "Fragment") : parent;
        if (type is not null && parent is not null && !schema.Overlap(type, parent))
            Report($"Fragment cannot be spread here as objects of type \"{parent}\" can never be of type \"{type}\".", fragment.Start);
        WalkDirectives(fragment.Directives, "INLINE_FRAGMENT", null);
        Walk(fragment.Selections, type);
    }

    private void Walk(FragmentSpread spread, NamedType? parent)
    {
        WalkDirectives(spread.Directives, "FRAGMENT_SPREAD", null);
        if (!fragments.TryGetValue(spread.Name.Text, out var fragment))
        {
            Report($"Unknown fragment \"{spread.Name.Text}\".", spread.Name.Start);
            return;
        }
        var type = schema.Find(fragment.Condition.Name);
        if (parent is not null && type is { IsComposite: true } && !schema.Overlap(type, parent))
            Report($"Fragment \"{spread.Name.Text}\" cannot be spread here as objects of type \"{parent}\" can never be of type \"{type}\".", spread.Start);
    }

    private void CheckLeaf(Field field, FieldType definition)
    {
        if (definition.Type.Named.IsLeaf && field.Selections is { } set)
            Report($"Field \"{field.Name.Text}\" must not have a selection since type \"{definition.Type}\" has no subfields.", set.Start);
        else if (!definition.Type.Named.IsLeaf && field.Selections is null)
            Report($"Field \"{field.Name.Text}\" of type \"{definition.Type}\" must have a selection of subfields. Did you mean \"{field.Name.Text} {{ ... }}\"?", field.Start);
    }

    private string SuggestField(NamedType type, string name)
    {
        if (type is ObjectType plain)
            return suggestions.For(name, plain.Fields.Select(field => field.Name));
        var count = new Dictionary<FieldsType, int>();
        foreach (var possible in schema.Possible(type).Where(one => one.Find(name) is not null))
        {
            count[possible] = 1;
            foreach (var wide in possible.Interfaces.Where(one => one.Find(name) is not null))
                count[wide] = count.GetValueOrDefault(wide) + 1;
        }
        var types = count.Keys.ToList();
        types.Sort((a, b) => count[b] != count[a] ? count[b] - count[a] : a is InterfaceType && schema.IsSubtype(a, b) ? -1 : b is InterfaceType && schema.IsSubtype(b, a) ? 1 : NaturalOrder.Instance.Compare(a.Name, b.Name));
        var hint = suggestions.Of("to use an inline fragment on", [.. types.Select(one => one.Name)]);
        return hint.Length > 0 || type is not InterfaceType fields ? hint : suggestions.For(name, fields.Fields.Select(field => field.Name));
    }

    private void CheckTypeNames(TypeNode node)
    {
        while (node is not NamedTypeNode)
            node = node is ListTypeNode list ? list.Element : ((NonNullTypeNode)node).Nullable;
        var name = ((NamedTypeNode)node).Name;
        if (schema.Find(name) is null && !document.Definitions.Any(d => d is TypeDefinition { Extends: false } type && type.Name.Text == name))
            Report($"Unknown type \"{name}\".{suggestions.For(name, schema.Types.Select(type => type.Name))}", node.Start);
    }

    private static bool IsGiven(Argument[] arguments, string name)
    {
        foreach (var argument in arguments)
        {
            if (argument.Name.Text == name)
                return true;
        }
        return false;
    }

    private static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TooComplexException();
    }

    /// <summary>A variable where it is used.</summary>
    /// <param name="Variable">The variable.</param>
    /// <param name="Type">The type that is expected there, or null when it is unknown.</param>
    /// <param name="Parent">The input object whose field it fills, or null.</param>
    /// <param name="HasDefault">The place has a default.</param>
    private sealed record VariableUse(Variable Variable, GraphType? Type, InputType? Parent, bool HasDefault);
}

/// <summary>Checking costs more than is allowed.</summary>
internal sealed class TooComplexException() : Exception("The document is too complex.");
