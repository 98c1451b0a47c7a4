using Nexus.Gateway.GraphQL.Language;

namespace Nexus.Gateway.GraphQL.Types;

/// <summary>The directives of section 3.13 of the specification.</summary>
internal static class DirectiveTypes
{
    /// <summary>Why something is deprecated that gives no reason.</summary>
    public const string NoReason = "No longer supported";

    private static readonly string[] Conditional = ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"];

    /// <summary><c>@include</c></summary>
    public static DirectiveType Include { get; } = new("include", Conditional, [new InputField("if", Scalars.Boolean.NonNull) { Description = "Whether it is included." }]) { Description = "Includes the field or fragment only when the argument is true." };

    /// <summary><c>@skip</c></summary>
    public static DirectiveType Skip { get; } = new("skip", Conditional, [new InputField("if", Scalars.Boolean.NonNull) { Description = "Whether it is left out." }]) { Description = "Leaves the field or fragment out when the argument is true." };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DirectiveType> All { get; } =
    [
        Include,
        Skip,
        new("deprecated", ["FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INPUT_FIELD_DEFINITION", "ENUM_VALUE"], [new InputField("reason", Scalars.String.NonNull) { Default = new StringValue(0, NoReason, false), Description = "Why, and what to use instead, in Markdown." }]) { Description = "Marks what is to be avoided." },
        new("specifiedBy", ["SCALAR"], [new InputField("url", Scalars.String.NonNull) { Description = "Address of the specification." }]) { Description = "Names the specification of a scalar." },
        new("oneOf", ["INPUT_OBJECT"], []) { Description = "Exactly one field of the input object is given, and it is not null." },
    ];
}
