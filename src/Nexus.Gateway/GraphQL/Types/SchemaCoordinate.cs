using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>
/// Names one part of a schema (section 2.15 of the specification): <c>Type</c>, <c>Type.member</c>, <c>Type.field(argument:)</c>, <c>@directive</c>, <c>@directive(argument:)</c>. Each part has exactly one.
/// </summary>
/// <param name="Name">Name of the type, or of the directive.</param>
/// <param name="IsDirective">It is about a directive.</param>
/// <param name="Member">Field, input field or enum value of the type, or null.</param>
/// <param name="Argument">Argument of the field or directive, or null.</param>
internal sealed record SchemaCoordinate(string Name, bool IsDirective, string? Member, string? Argument)
{
    /// <summary>Reads a coordinate; no character may stand between its parts.</summary>
    /// <exception cref="SyntaxException">It is none.</exception>
    public static SchemaCoordinate Parse(string text)
    {
        var at = 0;
        var isDirective = Skip('@');
        var name = Word();
        var member = !isDirective && Skip('.') ? Word() : null;
        var argument = (isDirective || member is not null) && Skip('(') ? Word() : null;
        if (argument is not null && !(Skip(':') && Skip(')')))
            throw Fault(At(at - 1) == ':' ? "\")\"" : "\":\"");
        return at == text.Length ? new SchemaCoordinate(name, isDirective, member, argument) : throw Fault("<EOF>");

        char At(int place) => place < text.Length ? text[place] : '\0';

        bool Skip(char sign)
        {
            if (At(at) != sign)
                return false;
            at++;
            return true;
        }

        string Word()
        {
            var start = at;
            if (Lexer.IsNameStart(At(at)))
                at++;
            while (at > start && Lexer.IsNamePart(At(at)))
                at++;
            return at > start ? text[start..at] : throw Fault("Name");
        }

        SyntaxException Fault(string expected) => new($"Expected {expected}, found {(at < text.Length ? $"\"{text[at]}\"" : "<EOF>")}.", text, at);
    }

    /// <summary>The part that is named: a <see cref="NamedType"/>, <see cref="FieldType"/>, <see cref="InputField"/>, <see cref="EnumMember"/> or <see cref="DirectiveType"/>; null when there is none.</summary>
    /// <exception cref="GraphException">What the part would be in is not there, or can have no such part.</exception>
    public object? FindIn(Schema schema)
    {
        if (IsDirective)
        {
            var directive = schema.FindDirective(Name);
            return Argument is null ? directive
                : (directive ?? throw new GraphException($"There is no directive \"@{Name}\".")).Arguments.FirstOrDefault(one => one.Name == Argument);
        }
        var type = schema.Find(Name);
        return Member is null ? type : MemberOf(type ?? throw new GraphException($"There is no type \"{Name}\"."));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(IsDirective ? "@" : "")}{Name}{(Member is null ? "" : "." + Member)}{(Argument is null ? "" : $"({Argument}:)")}";

    private object? MemberOf(NamedType type) => (type, Argument) switch
    {
        (FieldsType composite, null) => composite.Find(Member!),
        (FieldsType composite, _) => (composite.Find(Member!) ?? throw new GraphException($"The type \"{type}\" has no field \"{Member}\".")).Find(Argument),
        (InputType input, null) => input.Find(Member!),
        (EnumType words, null) => words.Find(Member!),
        (_, null) => throw new GraphException($"The type \"{type}\" has neither fields nor values."),
        _ => throw new GraphException($"The type \"{type}\" has no fields with arguments."),
    };
}
