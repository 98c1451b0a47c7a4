using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Text.Json;

namespace Nexus;

/// <summary>A named condition on records of one type that becomes a <see cref="Nexus.Filter"/>, so that it runs inside the query. Immutable.</summary>
/// <typeparam name="T">The record type.</typeparam>
public sealed record Specification<T>
    where T : Resource
{
    /// <summary>Translates a condition: comparisons of fields with values, <c>&amp;&amp;</c>, <c>||</c>, <c>!</c>, <c>StartsWith</c>, and <c>Contains</c> of a list of values.</summary>
    /// <exception cref="NotSupportedException">A part of the condition has no filter form; the text names it.</exception>
    public Specification(Expression<Func<T, bool>> condition)
        : this(new FilterTranslator(RecordJson.CreateOptions()).Translate(condition))
    {
    }

    private Specification(Filter filter) => Filter = filter;

    /// <summary>The condition as a filter.</summary>
    public Filter Filter { get; }

    /// <summary>Both hold.</summary>
    public Specification<T> And(Specification<T> other) => new(new Filter.And([Filter, other.Filter]));

    /// <summary>At least one holds.</summary>
    public Specification<T> Or(Specification<T> other) => new(new Filter.Or([Filter, other.Filter]));

    /// <summary>Does not hold.</summary>
    public Specification<T> Not() => new(new Filter.Not(Filter));
}

/// <summary>Turns condition expressions into filters.</summary>
internal sealed class FilterTranslator(JsonSerializerOptions options)
{
    public Filter Translate(LambdaExpression condition) => Visit(condition.Body);

    /// <summary>The dotted wire path of a member expression such as <c>o => o.Address.City</c>, or null when it is none.</summary>
    public static string? PathOf(Expression expression)
    {
        expression = StripConvert(expression);
        if (expression is ParameterExpression)
        {
            return "";
        }

        if (expression is not MemberExpression { Expression: { } inner } member || PathOf(inner) is not { } prefix)
        {
            return null;
        }

        if (member.Member.Name == "Value" && Nullable.GetUnderlyingType(inner.Type) is not null)
        {
            return prefix;
        }

        // A reference is its id on the wire.
        if (member.Member.Name == "Id" && inner.Type.IsGenericType && inner.Type.GetGenericTypeDefinition() == typeof(Ref<>))
        {
            return prefix;
        }

        // Members of scalars, such as a text's length, are computed: the store does not have them.
        if (inner.Type.Namespace?.StartsWith("System", StringComparison.Ordinal) == true)
        {
            return null;
        }

        string name = DescriptorReader.WireName(member.Member);
        return prefix.Length == 0 ? name : $"{prefix}.{name}";
    }

    private static Expression StripConvert(Expression expression) =>
        expression is UnaryExpression { NodeType: ExpressionType.Convert or ExpressionType.ConvertChecked } unary ? StripConvert(unary.Operand) : expression;

    private Filter Visit(Expression expression)
    {
        switch (expression)
        {
            case BinaryExpression { NodeType: ExpressionType.AndAlso } both:
                return new Filter.And([Visit(both.Left), Visit(both.Right)]);
            case BinaryExpression { NodeType: ExpressionType.OrElse } either:
                return new Filter.Or([Visit(either.Left), Visit(either.Right)]);
            case UnaryExpression { NodeType: ExpressionType.Not } not:
                return new Filter.Not(Visit(not.Operand));
            case BinaryExpression comparison when OperatorOf(comparison.NodeType) is { } op:
                return Compare(comparison, op);
            case MethodCallExpression { Method.Name: "StartsWith", Object: { } text } starts when PathOf(text) is { } path:
                return new Filter.Compare(path, FilterOperator.Prefix, ToJson(Evaluate(starts.Arguments[0]), typeof(string)));
            case MethodCallExpression { Method.Name: "Contains" } contains:
                return Contains(contains);
            case MemberExpression { Member.Name: "HasValue" } has when PathOf(has.Expression!) is { } path:
                return new Filter.Compare(path, FilterOperator.NotEqual, ToJson(null, typeof(object)));
            case MemberExpression flag when flag.Type == typeof(bool) && PathOf(flag) is { } path:
                return new Filter.Compare(path, FilterOperator.Equal, ToJson(true, typeof(bool)));
            default:
                throw NotSupported(expression);
        }
    }

    private Filter.Compare Compare(BinaryExpression comparison, FilterOperator op)
    {
        var (field, value) = (comparison.Left, comparison.Right);
        if (PathOf(field) is not { Length: > 0 } path)
        {
            (field, value, op) = (value, field, Mirror(op));
            path = PathOf(field) is { Length: > 0 } mirrored ? mirrored : throw NotSupported(comparison);
        }

        object? constant = Evaluate(value);
        var type = Nullable.GetUnderlyingType(StripConvert(field).Type) ?? StripConvert(field).Type;
        // The compiler compares enums as integers; on the wire they are words.
        if (type.IsEnum && constant is not null)
        {
            constant = Enum.ToObject(type, constant);
        }

        return new(path, op, ToJson(constant, constant?.GetType() ?? typeof(object)));
    }

    private Filter.In Contains(MethodCallExpression contains)
    {
        var arguments = contains.Object is { } list ? [list, .. contains.Arguments] : contains.Arguments.ToArray();
        if (arguments.Length < 2 || PathOf(arguments[1]) is not { Length: > 0 } path || Evaluate(Unspan(arguments[0])) is not System.Collections.IEnumerable values)
        {
            throw NotSupported(contains);
        }

        return new(path, [.. values.Cast<object?>().Select(v => ToJson(v, v?.GetType() ?? typeof(object)))]);
    }

    // `array.Contains(x)` binds to the span overload since C# 14; the array is inside the conversion.
    private static Expression Unspan(Expression expression) => expression switch
    {
        MethodCallExpression { Method.Name: "op_Implicit", Arguments: [var inner] } => inner,
        _ => StripConvert(expression),
    };

    private JsonElement ToJson(object? value, Type type) => JsonSerializer.SerializeToElement(value, type, options);

    private static object? Evaluate(Expression expression) =>
        expression is ConstantExpression constant
            ? constant.Value
            : Expression.Lambda<Func<object?>>(Expression.Convert(expression, typeof(object))).Compile(preferInterpretation: true)();

    private static FilterOperator? OperatorOf(ExpressionType type) => type switch
    {
        ExpressionType.Equal => FilterOperator.Equal,
        ExpressionType.NotEqual => FilterOperator.NotEqual,
        ExpressionType.GreaterThan => FilterOperator.Greater,
        ExpressionType.GreaterThanOrEqual => FilterOperator.GreaterOrEqual,
        ExpressionType.LessThan => FilterOperator.Less,
        ExpressionType.LessThanOrEqual => FilterOperator.LessOrEqual,
        _ => null,
    };

    private static FilterOperator Mirror(FilterOperator op) => op switch
    {
        FilterOperator.Greater => FilterOperator.Less,
        FilterOperator.GreaterOrEqual => FilterOperator.LessOrEqual,
        FilterOperator.Less => FilterOperator.Greater,
        FilterOperator.LessOrEqual => FilterOperator.GreaterOrEqual,
        _ => op,
    };

    private static NotSupportedException NotSupported(Expression expression) =>
        new($"`{expression}` cannot run inside a query. A condition compares fields with values and combines comparisons with &&, || and !; StartsWith and Contains are allowed.");
}
