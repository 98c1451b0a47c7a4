using System.Globalization;
using System.Text;

namespace Nexus.Engines.Redis.Protocol;

/// <summary>Kinds of values of RESP3 (https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md) and RESP2.</summary>
internal enum RespKind
{
    Null,
    Simple,
    Error,
    Integer,
    Bulk,
    Double,
    Boolean,
    BigNumber,
    Verbatim,
    Array,
    Map,
    Set,
    Push,
}

/// <summary>A value that a server sent. Text is kept as its bytes; a map as keys and values in turn. Attributes are read and left out.</summary>
internal readonly struct RespValue
{
    private RespValue(RespKind kind, byte[]? bytes = null, RespValue[]? elements = null, long integer = 0, double real = 0) =>
        (Kind, Bytes, Elements, Integer, Real) = (kind, bytes ?? [], elements ?? [], integer, real);

    public static RespValue Null { get; } = new(RespKind.Null);

    public RespKind Kind { get; }

    public byte[] Bytes { get; }

    public RespValue[] Elements { get; }

    public long Integer { get; }

    public double Real { get; }

    public bool IsNull => Kind == RespKind.Null;

    public bool IsError => Kind == RespKind.Error;

    public string Text => Kind switch
    {
        RespKind.Integer => Integer.ToString(CultureInfo.InvariantCulture),
        RespKind.Double => Real.ToString("R", CultureInfo.InvariantCulture),
        RespKind.Boolean => Integer == 1 ? "true" : "false",
        _ => Encoding.UTF8.GetString(Bytes ?? []),
    };

    public static RespValue Of(RespKind kind, byte[] bytes) => new(kind, bytes);

    public static RespValue Of(long integer) => new(RespKind.Integer, integer: integer);

    public static RespValue Of(double real) => new(RespKind.Double, real: real);

    public static RespValue Of(bool truth) => new(RespKind.Boolean, integer: truth ? 1 : 0);

    public static RespValue Of(RespKind kind, RespValue[] elements) => new(kind, elements: elements);

    /// <summary>The number of an integer, or of text that is one; 0 otherwise.</summary>
    public long ToInteger() => Kind == RespKind.Integer ? Integer : long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>The value of a key of a map; null when it has none.</summary>
    public RespValue this[string key]
    {
        get
        {
            for (var i = 0; i + 1 < Elements.Length; i += 2)
            {
                if (Elements[i].Text == key)
                    return Elements[i + 1];
            }
            return Null;
        }
    }
}

/// <summary>The other side does not speak the protocol, or beyond the limits of this client; the connection is of no more use.</summary>
internal sealed class RespException(string message) : Exception(message);
