using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Nexus.Engines.Redis.Protocol;

/// <summary>A command as it is sent: an array of texts. Built once; may be sent several times.</summary>
internal sealed class RespCommand
{
    private readonly ArrayBufferWriter<byte> body = new(128);
    private int count;

    private RespCommand(string name) => Name = name;

    /// <summary>Its name, for messages.</summary>
    public string Name { get; }

    /// <summary>The key that decides which node of a cluster gets it; null for any node.</summary>
    public string? Key { get; private set; }

    public static RespCommand Of(string name, params ReadOnlySpan<string> arguments)
    {
        var command = new RespCommand(name);
        foreach (var word in name.Split(' '))
            command.Add(word);
        foreach (var argument in arguments)
            command.Add(argument);
        return command;
    }

    public RespCommand OnKey(string key)
    {
        Key = key;
        return Add(key);
    }

    public RespCommand Add(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Header((byte)'$', length);
        Encoding.UTF8.GetBytes(text, body.GetSpan(length));
        body.Advance(length);
        body.Write("\r\n"u8);
        count++;
        return this;
    }

    public RespCommand Add(ReadOnlySpan<byte> bytes)
    {
        Header((byte)'$', bytes.Length);
        body.Write(bytes);
        body.Write("\r\n"u8);
        count++;
        return this;
    }

    public RespCommand Add(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out var length);
        return Add(digits[..length]);
    }

    /// <summary>Writes it; returns the bytes written.</summary>
    public int WriteTo(IBufferWriter<byte> writer)
    {
        Span<byte> header = stackalloc byte[16];
        header[0] = (byte)'*';
        Utf8Formatter.TryFormat(count, header[1..], out var length);
        "\r\n"u8.CopyTo(header[(length + 1)..]);
        writer.Write(header[..(length + 3)]);
        writer.Write(body.WrittenSpan);
        return length + 3 + body.WrittenCount;
    }

    private void Header(byte type, int number)
    {
        var header = body.GetSpan(16);
        header[0] = type;
        Utf8Formatter.TryFormat(number, header[1..], out var length);
        "\r\n"u8.CopyTo(header[(length + 1)..]);
        body.Advance(length + 3);
    }
}
