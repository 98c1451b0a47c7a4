using System.Collections.Frozen;

namespace Nexus.Gateway.GraphQL.Language;

/// <content>Definitions of schemas (section 3 of the specification).</content>
internal sealed partial class Parser
{
    private static readonly FrozenSet<string> Locations = new[]
    {
        "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "VARIABLE_DEFINITION",
        "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static TypeDefinitionKind? TypeKind(string word) => word switch
    {
        "scalar" => TypeDefinitionKind.Scalar,
        "type" => TypeDefinitionKind.Object,
        "interface" => TypeDefinitionKind.Interface,
        "union" => TypeDefinitionKind.Union,
        "enum" => TypeDefinitionKind.Enum,
        "input" => TypeDefinitionKind.Input,
        _ => null,
    };

    private Definition ParseExtension()
    {
        var keyword = Peek();
        var word = keyword.Kind == TokenKind.Name ? Text(keyword) : "";
        return word == "schema" ? ParseSchema(extends: true)
            : TypeKind(word) is { } kind ? ParseType(kind, extends: true)
            : throw Unexpected(keyword);
    }

    private SchemaDefinition ParseSchema(bool extends)
    {
        var start = token.Start;
        var description = ParseHead("schema", extends);
        var directives = ParseDirectives(constant: true);
        if (extends && token.Kind != TokenKind.LeftBrace && directives.Length > 0)
            return new SchemaDefinition(start, description, extends, directives, []);
        if (extends && token.Kind != TokenKind.LeftBrace)
            throw Unexpected(token);
        var roots = Many(
            TokenKind.LeftBrace,
            static p =>
            {
                var at = p.token.Start;
                var kind = p.ParseOperationKind();
                p.Expect(TokenKind.Colon);
                return new RootType(at, kind, p.ParseNamedType());
            },
            TokenKind.RightBrace);
        return new SchemaDefinition(start, description, extends, directives, roots);
    }

    private StringValue? ParseHead(string word, bool extends)
    {
        var description = extends ? null : ParseDescription();
        if (extends)
            ExpectWord("extend");
        ExpectWord(word);
        return description;
    }

    private TypeDefinition ParseType(TypeDefinitionKind kind, bool extends)
    {
        var start = token.Start;
        var word = kind == TypeDefinitionKind.Object ? "type" : kind.ToString().ToLowerInvariant();
        var description = ParseHead(word, extends);
        var name = ParseName();
        var isComposite = kind is TypeDefinitionKind.Object or TypeDefinitionKind.Interface;
        var interfaces = isComposite && SkipWord("implements") ? Delimited(TokenKind.Ampersand, static p => p.ParseNamedType()) : [];
        var parts = new TypeParts { Interfaces = interfaces, Directives = ParseDirectives(constant: true) };
        var isOpen = token.Kind == TokenKind.LeftBrace;
        parts = kind switch
        {
            TypeDefinitionKind.Object or TypeDefinitionKind.Interface when isOpen => parts with { Fields = Many(TokenKind.LeftBrace, static p => p.ParseFieldDeclaration(), TokenKind.RightBrace) },
            TypeDefinitionKind.Union when Skip(TokenKind.Equal) => parts with { Members = Delimited(TokenKind.Pipe, static p => p.ParseNamedType()) },
            TypeDefinitionKind.Enum when isOpen => parts with { Values = Many(TokenKind.LeftBrace, static p => p.ParseEnumValueDeclaration(), TokenKind.RightBrace) },
            TypeDefinitionKind.Input when isOpen => parts with { Inputs = Many(TokenKind.LeftBrace, static p => p.ParseInputDeclaration(), TokenKind.RightBrace) },
            _ => parts,
        };
        var isEmpty = parts.Interfaces.Length + parts.Directives.Length + parts.Fields.Length + parts.Members.Length + parts.Values.Length + parts.Inputs.Length == 0;
        return extends && isEmpty ? throw Unexpected(token) : new TypeDefinition(start, description, kind, extends, name, parts);
    }

    private FieldDeclaration ParseFieldDeclaration()
    {
        var start = token.Start;
        var description = ParseDescription();
        var name = ParseName();
        var arguments = ParseArgumentDeclarations();
        Expect(TokenKind.Colon);
        return new FieldDeclaration(start, description, name, arguments, ParseTypeReference(), ParseDirectives(constant: true));
    }

    private InputDeclaration[] ParseArgumentDeclarations() =>
        token.Kind == TokenKind.LeftParenthesis ? Many(TokenKind.LeftParenthesis, static p => p.ParseInputDeclaration(), TokenKind.RightParenthesis) : [];

    private InputDeclaration ParseInputDeclaration()
    {
        var start = token.Start;
        var description = ParseDescription();
        var name = ParseName();
        Expect(TokenKind.Colon);
        var type = ParseTypeReference();
        var defaultValue = Skip(TokenKind.Equal) ? ParseValue(constant: true) : null;
        return new InputDeclaration(start, description, name, type, defaultValue, ParseDirectives(constant: true));
    }

    private EnumValueDeclaration ParseEnumValueDeclaration()
    {
        var start = token.Start;
        var description = ParseDescription();
        if (Span(token) is "true" or "false" or "null")
            throw Fault($"{Describe(token)} is reserved and cannot be used for an enum value.", token.Start);
        return new EnumValueDeclaration(start, description, ParseName(), ParseDirectives(constant: true));
    }

    private DirectiveDefinition ParseDirectiveDefinition()
    {
        var start = token.Start;
        var description = ParseHead("directive", extends: false);
        Expect(TokenKind.At);
        var name = ParseName();
        var arguments = ParseArgumentDeclarations();
        var repeatable = SkipWord("repeatable");
        ExpectWord("on");
        return new DirectiveDefinition(start, description, name, arguments, repeatable, Delimited(TokenKind.Pipe, static p => p.ParseLocation()));
    }

    private Name ParseLocation() => token.Kind == TokenKind.Name && !Locations.Contains(Text(token)) ? throw Unexpected(token) : ParseName();
}
