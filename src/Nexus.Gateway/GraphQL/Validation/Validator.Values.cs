using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Validation;

/// <content>Arguments, values, directives.</content>
internal sealed partial class Validator
{
    private void CheckArguments(Field field, FieldType? definition)
    {
        CheckNames(field.Arguments, static argument => argument.Name, "argument", "");
        foreach (var argument in field.Arguments)
        {
            var declared = definition?.Find(argument.Name.Text);
            if (definition is not null && declared is null)
                Report($"Unknown argument \"{argument.Name.Text}\" on field \"{definition}\".{suggestions.For(argument.Name.Text, definition.Arguments.Select(one => one.Name))}", argument.Start);
            WalkArgument(argument, declared);
        }
    }

    private void WalkArgument(Argument argument, InputField? declared)
    {
        CheckValue(argument.Value, declared?.Type);
        NoteVariables(argument.Value, declared?.Type, null, declared?.Default is not null);
    }

    /// <summary>Checks directives where they stand.</summary>
    /// <param name="directives">The directives.</param>
    /// <param name="location">What they stand at.</param>
    /// <param name="field">The field around them; arguments of a directive that is unknown are read as the field's.</param>
    private void WalkDirectives(Directive[] directives, string location, FieldType? field)
    {
        for (var i = 0; i < directives.Length; i++)
        {
            var directive = directives[i];
            var name = directive.Name.Text;
            var type = schema.FindDirective(name);
            if (type is null)
                Report($"Unknown directive \"@{name}\".", directive.Start);
            else if (!type.Locations.Contains(location))
                Report($"Directive \"@{name}\" may not be used on {location}.", directive.Start);
            var first = Array.FindIndex(directives, one => one.Name.Text == name);
            if (type is { IsRepeatable: false } && first < i)
                Report($"The directive \"@{name}\" can only be used once at this location.", directives[first].Start, directive.Start);
            CheckNames(directive.Arguments, static argument => argument.Name, "argument", "");
            foreach (var argument in directive.Arguments)
            {
                var declared = type is null ? field?.Find(argument.Name.Text) : type.Arguments.FirstOrDefault(one => one.Name == argument.Name.Text);
                if (type is not null && declared is null)
                    Report($"Unknown argument \"{argument.Name.Text}\" on directive \"@{name}\".{suggestions.For(argument.Name.Text, type.Arguments.Select(one => one.Name))}", argument.Start);
                WalkArgument(argument, declared);
            }
            foreach (var argument in type?.Arguments ?? [])
            {
                if (argument.IsRequired && !IsGiven(directive.Arguments, argument.Name))
                    Report($"Argument \"@{name}({argument.Name}:)\" of type \"{argument.Type}\" is required, but it was not provided.", directive.Start);
            }
        }
    }

    private void CheckNames<T>(T[] nodes, Func<T, Name> nameOf, string what, string sign)
    {
        if (nodes.Length < 2)
            return;
        foreach (var same in nodes.GroupBy(node => nameOf(node).Text, StringComparer.Ordinal))
        {
            if (same.Count() > 1)
                Report($"There can be only one {what} named \"{sign}{same.Key}\".", [.. same.Select(node => nameOf(node).Start)]);
        }
    }

    private void CheckValue(ValueNode value, GraphType? type)
    {
        if (type is not null)
            InputLiterals.Check(value, type, null, suggestions, (message, start, _) => Report(message, start));
        CheckInputNames(value);
    }

    private void CheckInputNames(ValueNode value)
    {
        if (value is ListValue list)
        {
            foreach (var element in list.Elements)
                CheckInputNames(element);
        }
        if (value is not ObjectValue given)
            return;
        var known = new Dictionary<string, Name>(StringComparer.Ordinal);
        foreach (var field in given.Fields)
        {
            if (!known.TryAdd(field.Name.Text, field.Name))
                Report($"There can be only one input field named \"{field.Name.Text}\".", known[field.Name.Text].Start, field.Name.Start);
            CheckInputNames(field.Value);
        }
    }

    private void NoteVariables(ValueNode value, GraphType? type, InputType? parent, bool hasDefault)
    {
        switch (value)
        {
            case Variable variable:
                current.Add(new VariableUse(variable, type, parent, hasDefault));
                break;
            case ListValue list:
                var element = (type?.Nullable as ListType)?.Element;
                foreach (var one in list.Elements)
                    NoteVariables(one, element, null, false);
                break;
            case ObjectValue given:
                var input = type?.Named as InputType;
                foreach (var field in given.Fields)
                {
                    var declared = input?.Find(field.Name.Text);
                    NoteVariables(field.Value, declared?.Type, type?.Nullable as InputType, declared?.Default is not null);
                }
                break;
        }
    }
}
