namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Parses documents of the specification of September 2025 by recursive descent, within limits.</summary>
internal sealed partial class Parser
{
    private readonly string source;
    private readonly ParserLimits limits;
    private Lexer lexer;
    private Token token;
    private int tokens;
    private int depth;

    private Parser(string source, ParserLimits limits)
    {
        (this.source, this.limits, lexer) = (source, limits, new Lexer(source));
        if (source.Length > limits.Length)
            throw new SyntaxException($"Document has more than {limits.Length} UTF-16 units.", source, limits.Length);
    }

    /// <summary>Parses a document.</summary>
    /// <exception cref="SyntaxException">It is none, or it exceeds a limit.</exception>
    public static DocumentNode Parse(string source, ParserLimits? limits = null)
    {
        var parser = new Parser(source, limits ?? ParserLimits.Default);
        parser.Advance();
        var definitions = new List<Definition>();
        do
            definitions.Add(parser.ParseDefinition());
        while (parser.token.Kind != TokenKind.End);
        return new DocumentNode(source, [.. definitions], parser.tokens);
    }

    /// <summary>Parses one value without variables.</summary>
    /// <exception cref="SyntaxException">It is none, or it exceeds a limit.</exception>
    public static ValueNode ParseConstant(string source)
    {
        var parser = new Parser(source, ParserLimits.Default);
        parser.Advance();
        var value = parser.ParseValue(constant: true);
        parser.Expect(TokenKind.End);
        return value;
    }

    private Definition ParseDefinition()
    {
        if (token.Kind == TokenKind.LeftBrace)
            return ParseOperation();
        var described = IsDescription;
        var keyword = described ? Peek() : token;
        if (described && keyword.Kind == TokenKind.LeftBrace)
            throw Fault("Unexpected description, descriptions are not supported on shorthand queries.", token.Start);
        if (keyword.Kind != TokenKind.Name)
            throw Unexpected(keyword);
        switch (Text(keyword))
        {
            case "query" or "mutation" or "subscription":
                return ParseOperation();
            case "fragment":
                return ParseFragmentDefinition();
            case "schema":
                return ParseSchema(extends: false);
            case "directive":
                return ParseDirectiveDefinition();
            case "extend" when !described:
                return ParseExtension();
            case var word when TypeKind(word) is { } kind:
                return ParseType(kind, extends: false);
        }
        throw described ? Fault("Unexpected description, only GraphQL definitions support descriptions.", token.Start) : Unexpected(keyword);
    }

    private OperationDefinition ParseOperation()
    {
        var start = token.Start;
        if (token.Kind == TokenKind.LeftBrace)
            return new OperationDefinition(start, null, OperationKind.Query, null, [], [], ParseSelections());
        var description = ParseDescription();
        var kind = ParseOperationKind();
        Name? name = token.Kind == TokenKind.Name ? ParseName() : null;
        var variables = token.Kind == TokenKind.LeftParenthesis ? Many(TokenKind.LeftParenthesis, static p => p.ParseVariableDefinition(), TokenKind.RightParenthesis) : [];
        return new OperationDefinition(start, description, kind, name, variables, ParseDirectives(constant: false), ParseSelections());
    }

    private OperationKind ParseOperationKind()
    {
        var word = token;
        Expect(TokenKind.Name);
        return Span(word) switch
        {
            "query" => OperationKind.Query,
            "mutation" => OperationKind.Mutation,
            "subscription" => OperationKind.Subscription,
            _ => throw Unexpected(word),
        };
    }

    private VariableDefinition ParseVariableDefinition()
    {
        var start = token.Start;
        var description = ParseDescription();
        var variable = ParseVariable();
        Expect(TokenKind.Colon);
        var type = ParseTypeReference();
        var defaultValue = Skip(TokenKind.Equal) ? ParseValue(constant: true) : null;
        return new VariableDefinition(start, description, variable, type, defaultValue, ParseDirectives(constant: true));
    }

    private Variable ParseVariable()
    {
        var start = token.Start;
        Expect(TokenKind.Dollar);
        return new Variable(start, ParseName());
    }

    private SelectionSet ParseSelections()
    {
        Enter();
        var start = token.Start;
        var selections = Many(TokenKind.LeftBrace, static p => p.token.Kind == TokenKind.Spread ? p.ParseFragment() : (Selection)p.ParseField(), TokenKind.RightBrace);
        depth--;
        return new SelectionSet(start, selections);
    }

    private Field ParseField()
    {
        var start = token.Start;
        var name = ParseName();
        Name? alias = null;
        if (Skip(TokenKind.Colon))
            (alias, name) = (name, ParseName());
        var arguments = ParseArguments(constant: false);
        var directives = ParseDirectives(constant: false);
        return new Field(start, alias, name, arguments, directives, token.Kind == TokenKind.LeftBrace ? ParseSelections() : null);
    }

    private Selection ParseFragment()
    {
        var start = token.Start;
        Expect(TokenKind.Spread);
        var conditional = SkipWord("on");
        if (!conditional && token.Kind == TokenKind.Name)
            return new FragmentSpread(start, ParseFragmentName(), ParseDirectives(constant: false));
        var condition = conditional ? ParseNamedType() : null;
        return new InlineFragment(start, condition, ParseDirectives(constant: false), ParseSelections());
    }

    private FragmentDefinition ParseFragmentDefinition()
    {
        var start = token.Start;
        var description = ParseDescription();
        ExpectWord("fragment");
        var name = ParseFragmentName();
        ExpectWord("on");
        var condition = ParseNamedType();
        return new FragmentDefinition(start, description, name, condition, ParseDirectives(constant: false), ParseSelections());
    }

    private Name ParseFragmentName() => Span(token) is "on" ? throw Unexpected(token) : ParseName();

    private Argument[] ParseArguments(bool constant)
    {
        if (token.Kind != TokenKind.LeftParenthesis)
            return [];
        return constant
            ? Many(TokenKind.LeftParenthesis, static p => p.ParseArgument(constant: true), TokenKind.RightParenthesis)
            : Many(TokenKind.LeftParenthesis, static p => p.ParseArgument(constant: false), TokenKind.RightParenthesis);
    }

    private Argument ParseArgument(bool constant)
    {
        var start = token.Start;
        var name = ParseName();
        Expect(TokenKind.Colon);
        return new Argument(start, name, ParseValue(constant));
    }

    private Directive[] ParseDirectives(bool constant)
    {
        if (token.Kind != TokenKind.At)
            return [];
        var directives = new List<Directive>(1);
        while (token.Kind == TokenKind.At)
        {
            var start = token.Start;
            Advance();
            directives.Add(new Directive(start, ParseName(), ParseArguments(constant)));
        }
        return [.. directives];
    }

    private ValueNode ParseValue(bool constant)
    {
        var at = token;
        switch (at.Kind)
        {
            case TokenKind.LeftBracket:
                return ParseList(constant);
            case TokenKind.LeftBrace:
                return ParseObject(constant);
            case TokenKind.Int:
                Advance();
                return new IntValue(at.Start, Text(at));
            case TokenKind.Float:
                Advance();
                return new FloatValue(at.Start, Text(at));
            case TokenKind.String or TokenKind.BlockString:
                return ParseString();
            case TokenKind.Name:
                Advance();
                return Span(at) switch
                {
                    "true" => new BooleanValue(at.Start, true),
                    "false" => new BooleanValue(at.Start, false),
                    "null" => new NullValue(at.Start),
                    _ => new EnumValue(at.Start, Text(at)),
                };
            case TokenKind.Dollar when constant:
                Advance();
                throw token.Kind == TokenKind.Name ? Fault($"Unexpected variable \"${Text(token)}\" in constant value.", at.Start) : Unexpected(at);
            case TokenKind.Dollar:
                return ParseVariable();
            default:
                throw Unexpected(at);
        }
    }

    private StringValue ParseString()
    {
        var at = token;
        Advance();
        return new StringValue(at.Start, Meaning(at), at.Kind == TokenKind.BlockString);
    }

    private ListValue ParseList(bool constant)
    {
        Enter();
        var start = token.Start;
        Advance();
        var elements = new List<ValueNode>();
        while (!Skip(TokenKind.RightBracket))
            elements.Add(ParseValue(constant));
        depth--;
        return new ListValue(start, [.. elements]);
    }

    private ObjectValue ParseObject(bool constant)
    {
        Enter();
        var start = token.Start;
        Advance();
        var fields = new List<ObjectField>();
        while (!Skip(TokenKind.RightBrace))
        {
            var at = token.Start;
            var name = ParseName();
            Expect(TokenKind.Colon);
            fields.Add(new ObjectField(at, name, ParseValue(constant)));
        }
        depth--;
        return new ObjectValue(start, [.. fields]);
    }

    private TypeNode ParseTypeReference()
    {
        Enter();
        var start = token.Start;
        TypeNode type;
        if (Skip(TokenKind.LeftBracket))
        {
            var element = ParseTypeReference();
            Expect(TokenKind.RightBracket);
            type = new ListTypeNode(start, element);
        }
        else
        {
            type = ParseNamedType();
        }
        depth--;
        return Skip(TokenKind.Bang) ? new NonNullTypeNode(start, type) : type;
    }

    private NamedTypeNode ParseNamedType()
    {
        var name = ParseName();
        return new NamedTypeNode(name.Start, name.Text);
    }

    private Name ParseName()
    {
        var at = token;
        Expect(TokenKind.Name);
        return new Name(Text(at), at.Start);
    }

    private bool IsDescription => token.Kind is TokenKind.String or TokenKind.BlockString;

    private StringValue? ParseDescription() => IsDescription ? ParseString() : null;
}
