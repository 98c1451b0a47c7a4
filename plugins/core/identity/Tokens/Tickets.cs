using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Nexus.Core.Identity.Tokens;

/// <summary>
/// What a sign-in that takes several requests remembers between them: kept on the server under the hash of a random handle, good for a short time,
/// and taken once. Any node can go on with what another one began. Thread-safe.
/// </summary>
internal sealed class Tickets(IDocuments documents, TimeProvider time)
{
    private const string Root = "tickets";

    /// <summary>Expired tickets are swept in passing: one look for so many that are issued.</summary>
    private const int SweepEvery = 64;

    private int issued;

    /// <summary>Keeps a value and returns its handle: 256 random bits, base64url.</summary>
    /// <param name="kind">What it is for: a handle of one kind opens nothing of another.</param>
    /// <param name="value">The value.</param>
    /// <param name="lifetime">How long it can be taken.</param>
    /// <param name="form">The value's JSON form.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <param name="also">What is written together with it, for the handle it gets; null writes nothing else.</param>
    public async Task<string> IssueAsync<T>(string kind, T value, TimeSpan lifetime, JsonTypeInfo<T> form, CancellationToken cancellationToken, Func<string, ValueTask<DocumentWrite?>>? also = null)
    {
        var handle = Secrets.Random();
        var node = new JsonObject { ["until"] = (time.GetUtcNow() + lifetime).ToUnixTimeMilliseconds(), ["value"] = JsonSerializer.SerializeToNode(value, form) };
        CallContext.Current = CallContext.System;
        var ticket = new DocumentWrite(Path(kind, handle), node, 0);
        await documents.CommitAsync(also is not null && await also(handle) is { } other ? [ticket, other] : [ticket], cancellationToken: cancellationToken);
        if (Interlocked.Increment(ref issued) % SweepEvery == 1)
            await SweepAsync(kind, cancellationToken);
        return handle;
    }

    /// <summary>Takes a value out: of two who come with one handle, one gets it. Null when there is none or its time is over.</summary>
    public async Task<T?> TakeAsync<T>(string kind, string? handle, JsonTypeInfo<T> form, CancellationToken cancellationToken)
        where T : class
    {
        if (!IsHandle(handle))
            return null;
        CallContext.Current = CallContext.System;
        var path = Path(kind, handle!);
        if (await documents.FindAsync(path, cancellationToken) is not { } document)
            return null;
        try
        {
            await documents.CommitAsync([new DocumentWrite(path, null, document.Revision, Delete: true)], cancellationToken: cancellationToken);
        }
        catch (StorageConflictException)
        {
            return null;
        }

        return Open(document, form);
    }

    /// <summary>Changes a value in its place, keeping its time; gives what was and what is, or nulls when there is none. Of several changes at once each sees what the one before it left.</summary>
    public async Task<(T? Before, T? After)> ChangeAsync<T>(string kind, string? handle, Func<T, T> change, JsonTypeInfo<T> form, CancellationToken cancellationToken)
        where T : class
    {
        if (!IsHandle(handle))
            return (null, null);
        CallContext.Current = CallContext.System;
        var path = Path(kind, handle!);
        while (await documents.FindAsync(path, cancellationToken) is { } document && Open(document, form) is { } before)
        {
            var after = change(before);
            var node = new JsonObject { ["until"] = document.Value!["until"]!.DeepClone(), ["value"] = JsonSerializer.SerializeToNode(after, form) };
            try
            {
                await documents.CommitAsync([new DocumentWrite(path, node, document.Revision)], cancellationToken: cancellationToken);
                return (before, after);
            }
            catch (StorageConflictException)
            {
                // Somebody else came in between: change what they left.
            }
        }

        return (null, null);
    }

    /// <summary>Looks at a value and leaves it.</summary>
    public async Task<T?> PeekAsync<T>(string kind, string? handle, JsonTypeInfo<T> form, CancellationToken cancellationToken)
        where T : class
    {
        if (!IsHandle(handle))
            return null;
        CallContext.Current = CallContext.System;
        return await documents.FindAsync(Path(kind, handle!), cancellationToken) is { } document ? Open(document, form) : null;
    }

    /// <summary>Removes a value, whether it is there or not.</summary>
    public async Task DropAsync(string kind, string? handle, CancellationToken cancellationToken)
    {
        if (!IsHandle(handle))
            return;
        CallContext.Current = CallContext.System;
        await documents.DeleteAsync(Path(kind, handle!), cancellationToken);
    }

    /// <summary>The hash under which something secret of high entropy is stored or compared, base64url.</summary>
    public static string Hash(string secret) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static bool IsHandle(string? handle) => handle is { Length: > 0 and <= 128 };

    private static string Path(string kind, string handle) => $"{Root}/{kind}/{Hash(handle)}";

    private T? Open<T>(Document document, JsonTypeInfo<T> form)
        where T : class =>
        document.Value is JsonObject kept && (long)kept["until"]! > time.GetUtcNow().ToUnixTimeMilliseconds() ? kept["value"].Deserialize(form) : null;

    private async Task SweepAsync(string kind, CancellationToken cancellationToken)
    {
        var over = await documents.QueryAsync(new DocumentQuery { Prefix = $"{Root}/{kind}", Filter = new Filter.Compare("until", FilterOperator.Less, JsonSerializer.SerializeToElement(time.GetUtcNow().ToUnixTimeMilliseconds(), TokensJson.Default.Int64)), Limit = 500 }, cancellationToken);
        if (over.Documents.Length > 0)
            await documents.CommitAsync([.. over.Documents.Select(d => new DocumentWrite(d.Path, null, Delete: true))], cancellationToken: cancellationToken);
    }
}
