using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.Grpc.Wire;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Grpc.Calls;

/// <summary>One call: messages as JSON, each after five bytes that say whether it is compressed and how long it is. Not thread-safe.</summary>
internal sealed class GrpcCall(HttpContext context, ProtoMethod method, GrpcOptions options, CancellationToken stop)
{
    private const int Prefix = 5;

    /// <summary>The request.</summary>
    public HttpContext Context { get; } = context;

    /// <summary>Caller, tenant, correlation.</summary>
    public CallContext Caller => GatewayRequest.Of(Context).Context;

    /// <summary>What is called.</summary>
    public ProtoMethod Method { get; } = method;

    /// <summary>The caller has gone, or its deadline has passed.</summary>
    public CancellationToken Stop { get; } = stop;

    /// <summary>Reads the one message of a call that has one.</summary>
    /// <exception cref="GrpcException"><c>UNIMPLEMENTED</c>: there is none, or more than one.</exception>
    public async ValueTask<JsonElement> ReadOneAsync()
    {
        var message = await ReadAsync() ?? throw new GrpcException(GrpcCode.Unimplemented, "The call has no message; this method takes one.");
        return !Method.ClientStreams && await ReadAsync() is not null ? throw new GrpcException(GrpcCode.Unimplemented, "The call has more than one message; this method takes one.") : message;
    }

    /// <summary>Reads the next message; null when the caller has sent all.</summary>
    public async ValueTask<JsonElement?> ReadAsync()
    {
        var reader = Context.Request.BodyReader;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        if (!reader.TryRead(out var read))
        {
            patience.CancelAfter(TimeSpan.FromSeconds(options.IdleSeconds));
            read = await NextAsync(reader, patience.Token);
        }
        while (true)
        {
            var buffer = read.Buffer;
            if (buffer.IsEmpty && read.IsCompleted)
            {
                reader.AdvanceTo(buffer.Start);
                return null;
            }
            if (buffer.Length >= Prefix && LengthOf(buffer) is var length && buffer.Length >= Prefix + length)
            {
                var json = Decode(buffer.Slice(Prefix, length));
                reader.AdvanceTo(buffer.GetPosition(Prefix + length));
                return JsonElement.Parse(json.Span);
            }
            if (read.IsCompleted)
            {
                reader.AdvanceTo(buffer.End);
                throw new GrpcException(GrpcCode.Internal, "The stream ends within a message.");
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
            patience.CancelAfter(TimeSpan.FromSeconds(options.IdleSeconds));
            read = await NextAsync(reader, patience.Token);
        }
    }

    /// <summary>Sends the headers, so that the caller knows that the call has begun.</summary>
    public async Task StartAsync()
    {
        await BeginAsync();
        // Of the stream, not of the writer: where the writer is a wrapper that holds no bytes, its flush sends nothing.
        await Context.Response.Body.FlushAsync(Stop);
    }

    /// <summary>Sends an answer, given as the JSON of the output type.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> json)
    {
        using var message = new ProtoWriter();
        Encode(message, json.Span);
        await WriteAsync(message);
    }

    /// <summary>Sends an answer, given as JSON that is written now.</summary>
    public ValueTask WriteAsync(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Rest.JsonAnswer.WriterOptions))
            write(json);
        return WriteAsync(buffer.WrittenMemory);
    }

    /// <summary>Sends an answer that is already in its wire form.</summary>
    public async ValueTask WriteAsync(ProtoWriter message)
    {
        // Begun before the first byte, for the end of an answer that has begun goes into its trailers.
        await BeginAsync();
        var writer = Context.Response.BodyWriter;
        var to = writer.GetSpan(Prefix + message.Length);
        to[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(to[1..], message.Length);
        message.Written.Span.CopyTo(to[Prefix..]);
        writer.Advance(Prefix + message.Length);
        if (Method.ServerStreams)
            await writer.FlushAsync(Stop);
    }

    private Task BeginAsync()
    {
        if (Context.Response.HasStarted)
            return Task.CompletedTask;
        Context.Response.ContentType = "application/grpc";
        return Context.Response.StartAsync(Stop);
    }

    private void Encode(ProtoWriter message, ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1000 });
        reader.Read();
        JsonToProto.Write(message, Method.Output, ref reader);
    }

    private async ValueTask<ReadResult> NextAsync(PipeReader reader, CancellationToken patience)
    {
        try
        {
            return await reader.ReadAsync(patience);
        }
        catch (OperationCanceledException) when (!Stop.IsCancellationRequested)
        {
            throw new GrpcException(GrpcCode.DeadlineExceeded, $"No message came for {options.IdleSeconds:0.#} s.");
        }
    }

    private int LengthOf(ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[Prefix];
        buffer.Slice(0, Prefix).CopyTo(prefix);
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (prefix[0] > 1)
            throw new GrpcException(GrpcCode.Internal, $"A message cannot begin with the byte {prefix[0]}.");
        if (prefix[0] == 1)
            throw new GrpcException(GrpcCode.Internal, "A message is compressed, and the call names no encoding.");
        return length <= options.MessageBytes ? (int)length : throw new GrpcException(GrpcCode.ResourceExhausted, $"A message may have {options.MessageBytes} bytes (grpc.messageBytes); this one has {length}.");
    }

    private ReadOnlyMemory<byte> Decode(ReadOnlySequence<byte> message)
    {
        try
        {
            return ProtoToJson.Read(Method.Input, message.IsSingleSegment ? message.FirstSpan : message.ToArray());
        }
        catch (ProtoException exception)
        {
            throw new GrpcException(GrpcCode.Internal, exception.Message);
        }
    }
}
