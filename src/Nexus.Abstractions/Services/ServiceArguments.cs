using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Nexus;

/// <summary>Writes the arguments of a call as a JSON array.</summary>
public sealed class ServiceArguments
{
    private readonly ArrayBufferWriter<byte> _buffer = new(256);

    /// <summary>Adds one argument.</summary>
    public ServiceArguments Add<T>(T value)
    {
        _buffer.Write(_buffer.WrittenCount == 0 ? "["u8 : ","u8);
        using var writer = new Utf8JsonWriter(_buffer, JsonWire.WriterOptions);
        JsonCodec.For<T>().Write(writer, value);
        return this;
    }

    /// <summary>The array as UTF-8 JSON; nothing can be added after.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        _buffer.Write(_buffer.WrittenCount == 0 ? "[]"u8 : "]"u8);
        return _buffer.WrittenMemory;
    }
}

/// <summary>Reads the arguments of a call from a JSON array, in order.</summary>
public sealed class ServiceArgumentReader : IDisposable
{
    private readonly JsonDocument _document;
    private int _next;

    /// <summary>Begins to read.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c> when it is not a JSON array.</exception>
    public ServiceArgumentReader(ReadOnlyMemory<byte> arguments)
    {
        try
        {
            _document = JsonDocument.Parse(arguments.IsEmpty ? "[]"u8.ToArray() : arguments);
        }
        catch (JsonException error)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"The arguments of a service call are not JSON: {error.Message}");
        }
        if (_document.RootElement.ValueKind != JsonValueKind.Array)
            throw new NexusException(ErrorCodes.BadRequest, "The arguments of a service call are a JSON array in the order of the method's parameters.");
    }

    /// <summary>The next argument; the type's default when the caller gave fewer, as one with an older copy of the contract does.</summary>
    public T Next<T>()
    {
        var index = _next++;
        if (index >= _document.RootElement.GetArrayLength())
            return default!;
        try
        {
            return JsonCodec.For<T>().Deserialize(JsonMarshal.GetRawUtf8Value(_document.RootElement[index]))!;
        }
        catch (JsonException error)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"Argument {index + 1} of a service call: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _document.Dispose();

    /// <summary>The result of a call as JSON.</summary>
    public static async ValueTask<ReadOnlyMemory<byte>> ResultAsync<T>(Task<T> task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return JsonCodec.For<T>().Serialize(await task);
    }

    /// <summary>The empty result of a call without one.</summary>
    public static async ValueTask<ReadOnlyMemory<byte>> ResultAsync(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        await task;
        return default;
    }

    /// <summary>The error of a method that the provider's copy of the contract does not have.</summary>
    public static NexusException UnknownMethod(string contract, string method) =>
        new(ErrorCodes.BadRequest, $"The contract {contract} has no method {method}; caller and provider have different versions of it.");
}
