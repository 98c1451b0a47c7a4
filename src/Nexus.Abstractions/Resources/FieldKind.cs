namespace Nexus;

/// <summary>Kinds of fields. Each room that renders fields has one renderer a kind; a test lists the missing ones.</summary>
public enum FieldKind
{
    /// <summary>One line of text; JSON string.</summary>
    Text,

    /// <summary>Several lines of text; JSON string.</summary>
    Multiline,

    /// <summary>64-bit whole number; JSON number.</summary>
    Integer,

    /// <summary>Exact decimal of up to 28 digits; JSON number without loss, or string.</summary>
    Decimal,

    /// <summary>IEEE 754 double; JSON number. Never for money.</summary>
    Real,

    /// <summary>Yes or no; JSON boolean.</summary>
    Boolean,

    /// <summary>Calendar date; JSON string <c>yyyy-MM-dd</c>.</summary>
    Date,

    /// <summary>Time of day; JSON string <c>HH:mm:ss</c>.</summary>
    Time,

    /// <summary>Instant; JSON string RFC 3339, stored in UTC.</summary>
    Instant,

    /// <summary>Length of time; JSON string ISO 8601 duration or <c>[d.]hh:mm:ss</c>.</summary>
    Duration,

    /// <summary>One of fixed words; JSON string.</summary>
    Choice,

    /// <summary>UUID; JSON string.</summary>
    Identifier,

    /// <summary>Id of a record of another resource; JSON string.</summary>
    Reference,

    /// <summary>Amount and currency; JSON object.</summary>
    Money,

    /// <summary>List of values of one kind; JSON array.</summary>
    List,

    /// <summary>Nested fields; JSON object.</summary>
    Group,

    /// <summary>Text keys to values of one kind; JSON object.</summary>
    Map,

    /// <summary>Any JSON.</summary>
    Json,
}
