using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Connections;

/// <summary>
/// One connection that many callers share: commands are sent one after the other without waiting, and answered in the same order. A caller who gives up leaves its place in the order.
/// Messages that the server pushes come in between. When the stream breaks, everyone who waits is told, and the connection is of no more use. Thread-safe.
/// </summary>
internal sealed class RedisConnection : IAsyncDisposable
{
    private readonly Pipe outgoing = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly Queue<Pending> waiting = new();
    private readonly Lock gate = new();
    private readonly RespParser parser = new(new RespLimits());
    private readonly RedisSettings settings;
    private readonly TimeProvider time;
    private readonly Action<RespValue> pushed;
    private readonly Stream stream;
    private readonly CancellationTokenSource ending = new();
    private readonly ITimer watch;
    private Exception? broken;
    private long unsent;
    private Task reading = Task.CompletedTask;
    private Task writing = Task.CompletedTask;

    private RedisConnection(Stream stream, RedisSettings settings, TimeProvider time, Action<RespValue> pushed)
    {
        (this.stream, this.settings, this.time, this.pushed) = (stream, settings, time, pushed);
        watch = time.CreateTimer(static state => ((RedisConnection)state!).Watch(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Completes when the stream broke.</summary>
    public Task Closed => reading;

    /// <summary>What the server said of itself.</summary>
    public RespValue Hello { get; private set; }

    public bool IsBroken
    {
        get
        {
            lock (gate)
                return broken is not null;
        }
    }

    /// <summary>Connects, over TLS where asked, and introduces itself in RESP3.</summary>
    /// <exception cref="RedisException">It cannot be reached, or refuses.</exception>
    public static async Task<RedisConnection> OpenAsync(RedisAddress address, RedisSettings settings, TimeProvider time, Action<RespValue> pushed, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(settings.ConnectTimeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        RedisConnection? connection = null;
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, limit.Token);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (settings.Tls)
            {
                var secure = new SslStream(stream);
                stream = secure;
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = settings.TlsHost ?? address.Host, CertificateChainPolicy = settings.TlsRoot is { } root ? Trusting(root) : null }, limit.Token);
            }
            connection = new RedisConnection(stream, settings, time, pushed);
            connection.Begin();
            await connection.IntroduceAsync(limit.Token);
            return connection;
        }
        catch (Exception exception)
        {
            if (connection is not null)
                await connection.DisposeAsync();
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw exception is RedisException { IsReply: true } ? exception : new RedisException($"Redis at {address} cannot be reached: {(exception is OperationCanceledException ? $"no answer within {settings.ConnectTimeout.TotalSeconds:0.#} s" : exception.Message)}");
        }
    }

    /// <summary>Sends a command; the answer may be an error of the server.</summary>
    /// <exception cref="RedisException">The connection broke, or too much waits on it.</exception>
    public Task<RespValue> SendAsync(RespCommand command, bool isSubscription = false) => SendAsync([command], isSubscription);

    /// <summary>Sends commands without anything of others between them; answers the last one's answer.</summary>
    public Task<RespValue> SendAsync(ReadOnlySpan<RespCommand> commands, bool isSubscription = false)
    {
        Pending? last = null;
        lock (gate)
        {
            if (broken is not null)
                return Task.FromException<RespValue>(new RedisException($"The connection to Redis is closed: {broken.Message}"));
            if (waiting.Count >= settings.MaxPending)
                return Task.FromException<RespValue>(new RedisException($"{waiting.Count} commands wait for Redis already."));
            if (Interlocked.Read(ref unsent) > settings.MaxUnsentBytes)
                return Task.FromException<RespValue>(new RedisException($"{Interlocked.Read(ref unsent)} bytes wait to be sent to Redis already."));
            foreach (var command in commands)
            {
                Interlocked.Add(ref unsent, command.WriteTo(outgoing.Writer));
                waiting.Enqueue(last = new Pending(time.GetTimestamp(), isSubscription));
            }
            // Completes at once: the pipe does not make writers wait; what waits is bounded above.
            _ = outgoing.Writer.FlushAsync(CancellationToken.None).AsTask();
        }
        return last!.Answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        Break(new ObjectDisposedException(nameof(RedisConnection)));
        await reading;
        await writing;
        await stream.DisposeAsync();
        ending.Dispose();
    }

    /// <summary>Only what a file of certificates vouches for, as a site has it whose servers' certificates are its own.</summary>
    private static X509ChainPolicy Trusting(string file)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(file);
        return policy;
    }

    private void Begin()
    {
        reading = Task.Run(ReadAsync);
        writing = Task.Run(WriteAsync);
    }

    private async Task IntroduceAsync(CancellationToken cancellationToken)
    {
        var hello = RespCommand.Of("HELLO", "3");
        if (settings.Password is not null)
            hello.Add("AUTH").Add(settings.User ?? "default").Add(settings.Password);
        Hello = await AnswerAsync(hello.Add("SETNAME").Add("nexus"));
        if (settings.Database > 0 && Hello["mode"].Text != "cluster")
            await AnswerAsync(RespCommand.Of("SELECT").Add(settings.Database));

        async Task<RespValue> AnswerAsync(RespCommand command)
        {
            var answer = await SendAsync(command).WaitAsync(cancellationToken);
            return answer.IsError ? throw new RedisException($"Redis refuses the connection: {answer.Text}", isReply: true) : answer;
        }
    }

    private async Task ReadAsync()
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(ending.Token);
                var buffer = result.Buffer;
                while (parser.TryRead(ref buffer, out var value))
                    Take(value);
                reader.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                    throw new IOException("Redis closed the connection.");
            }
        }
        catch (Exception exception)
        {
            Break(exception);
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private async Task WriteAsync()
    {
        var reader = outgoing.Reader;
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(ending.Token);
                foreach (var part in result.Buffer)
                    await stream.WriteAsync(part, ending.Token);
                Interlocked.Add(ref unsent, -result.Buffer.Length);
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    return;
            }
        }
        catch (Exception exception)
        {
            Break(exception);
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private void Take(RespValue value)
    {
        Pending? answered;
        lock (gate)
        {
            if (value.Kind == RespKind.Push)
            {
                // The confirmation of a subscription comes as a message, in the place of an answer.
                answered = value.Elements is [{ Text: "subscribe" or "unsubscribe" }, ..] && waiting.TryPeek(out var first) && first.IsSubscription ? waiting.Dequeue() : null;
            }
            else if (!waiting.TryDequeue(out answered))
            {
                throw new RespException("Redis answers what nobody asked.");
            }
        }
        answered?.Answer.TrySetResult(value);
        if (value.Kind == RespKind.Push)
            pushed(value);
    }

    /// <summary>A server that says nothing any more is as good as gone.</summary>
    private void Watch()
    {
        lock (gate)
        {
            if (!waiting.TryPeek(out var oldest) || time.GetElapsedTime(oldest.Since) < settings.AnswerTimeout)
                return;
        }
        Break(new TimeoutException($"Redis left a command unanswered for {settings.AnswerTimeout.TotalSeconds:0.#} s."));
    }

    private void Break(Exception exception)
    {
        Pending[] left;
        lock (gate)
        {
            if (broken is not null)
                return;
            broken = exception;
            left = [.. waiting];
            waiting.Clear();
        }
        watch.Dispose();
        ending.Cancel();
        outgoing.Writer.Complete();
        foreach (var one in left)
        {
            one.Answer.TrySetException(new RedisException($"The connection to Redis broke: {exception.Message}"));
            // Whoever gave up does not look.
            _ = one.Answer.Task.Exception;
        }
    }

    /// <summary>A place in the order of answers.</summary>
    private sealed class Pending(long since, bool isSubscription)
    {
        public TaskCompletionSource<RespValue> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Since => since;

        public bool IsSubscription => isSubscription;
    }
}
