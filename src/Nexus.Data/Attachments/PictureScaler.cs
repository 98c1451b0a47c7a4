namespace Nexus.Data.Attachments;

/// <summary>Has pictures scaled by whichever plugin does so at the time: few at once, each for a limited time, and only what begins like a picture.</summary>
internal sealed class PictureScaler(Func<IPlugins?> plugins, TimeProvider time) : IDisposable
{
    /// <summary>Greatest original. Cameras write less; what is larger would fill the node's pipes for nothing.</summary>
    public const long MaxBytes = 64 * 1024 * 1024;

    private const int MaxAtOnce = 2;
    private const int SignatureBytes = 12;

    private readonly SemaphoreSlim turns = new(MaxAtOnce);

    /// <summary>Time for one picture, once it is its turn.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(20);

    /// <summary>A picture as WebP.</summary>
    /// <exception cref="NexusException"><c>PICTURE_UNREADABLE</c>, <c>SERVICE_UNAVAILABLE</c>.</exception>
    public async ValueTask<byte[]> ScaleAsync(Attachment file, Stream original, int width, CancellationToken cancellationToken)
    {
        if (file.Size > MaxBytes)
        {
            throw Unreadable(file, $"it has {file.Size:N0} bytes, and at most {MaxBytes:N0} are read");
        }

        var signature = new byte[SignatureBytes];
        int count = await original.ReadAtLeastAsync(signature, SignatureBytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (!IsPicture(signature.AsSpan(0, count)))
        {
            throw Unreadable(file, "it does not begin like a JPEG, PNG, WebP or GIF");
        }

        original.Position = 0;
        await turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await ScaleInTimeAsync(file, original, width, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            turns.Release();
        }
    }

    public void Dispose() => turns.Dispose();

    private async ValueTask<byte[]> ScaleInTimeAsync(Attachment file, Stream original, int width, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        using var scaled = new MemoryStream();
        try
        {
            await ScaleAsync(original, width, scaled, either.Token).ConfigureAwait(false);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.PictureUnreadable)
        {
            throw Unreadable(file, e.Message);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Unreadable(file, $"that took longer than {Limit.TotalSeconds:N0} seconds");
        }

        // What worked on a stranger's bytes is not believed either.
        return IsWebP(scaled.GetBuffer().AsSpan(0, (int)scaled.Length)) ? scaled.ToArray() : throw Unreadable(file, "what became of it is no WebP");
    }

    private async ValueTask ScaleAsync(Stream original, int width, Stream scaled, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var plugin = plugins()?.Current.Plugins.FirstOrDefault(p => p.Pictures is not null)
                ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "No active plugin of this node scales pictures; engines.pictures does. Ask without `width` for the original.");

            // False only while that generation is being taken out of the snapshot.
            if (!plugin.Lease.TryEnter())
            {
                await Task.Yield();
                continue;
            }

            try
            {
                await plugin.Pictures!.Scale(original, width, scaled, cancellationToken).ConfigureAwait(false);
                return;
            }
            finally
            {
                plugin.Lease.Exit();
            }
        }
    }

    private static NexusException Unreadable(Attachment file, string cause) => new(ErrorCodes.PictureUnreadable, $"{file.Name} is not shown small: {cause}.");

    private static bool IsPicture(ReadOnlySpan<byte> first) =>
        first.StartsWith((ReadOnlySpan<byte>)[0xff, 0xd8, 0xff]) || first.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a]) || first.StartsWith("GIF87a"u8) || first.StartsWith("GIF89a"u8) || IsWebP(first);

    private static bool IsWebP(ReadOnlySpan<byte> first) => first.Length >= SignatureBytes && first.StartsWith("RIFF"u8) && first[8..].StartsWith("WEBP"u8);
}
