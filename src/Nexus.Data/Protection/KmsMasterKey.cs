using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Data.Protection;

/// <summary>Where a key management service answers, and as whom.</summary>
/// <param name="Endpoint">Its address, such as <c>https://kms.eu-central-1.amazonaws.com</c>.</param>
/// <param name="Region">Its region.</param>
/// <param name="KeyId">Id or ARN of the key that wraps.</param>
/// <param name="AccessKey">Id of the credentials.</param>
/// <param name="SecretKey">Secret of the credentials.</param>
internal sealed record KmsOptions(Uri Endpoint, string Region, string KeyId, string AccessKey, string SecretKey);

/// <summary>A master key that never leaves a key management service with the protocol of AWS KMS (JSON 1.1, Signature Version 4). The place of a key is its encryption context, so a wrapped key opens nowhere else.</summary>
internal sealed class KmsMasterKey(KmsOptions options, HttpClient client, TimeProvider time) : IMasterKey
{
    private const string Prefix = "kms:";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public string Id => Prefix + options.KeyId;

    public async ValueTask<byte[]> WrapAsync(byte[] key, byte[] place, CancellationToken cancellationToken) =>
        Convert.FromBase64String((string)(await CallAsync("Encrypt", new JsonObject { ["KeyId"] = options.KeyId, ["Plaintext"] = Convert.ToBase64String(key), ["EncryptionContext"] = ContextOf(place) }, cancellationToken))["CiphertextBlob"]!);

    public async ValueTask<byte[]> UnwrapAsync(string id, byte[] wrapped, byte[] place, CancellationToken cancellationToken)
    {
        if (!id.StartsWith(Prefix, StringComparison.Ordinal))
            throw new NexusException(ErrorCodes.ProtectionFailed, $"A key was wrapped by {id}, but encryption.provider is kms; wrap it anew with the old provider first.");
        var answer = await CallAsync("Decrypt", new JsonObject { ["KeyId"] = id[Prefix.Length..], ["CiphertextBlob"] = Convert.ToBase64String(wrapped), ["EncryptionContext"] = ContextOf(place) }, cancellationToken);
        var text = (string)answer["Plaintext"]!;
        var key = GC.AllocateUninitializedArray<byte>(32, pinned: true);
        return Convert.TryFromBase64String(text, key, out var length) && length == key.Length ? key : throw new NexusException(ErrorCodes.ProtectionFailed, $"The service at {options.Endpoint} answered with a key of another size.");
    }

    public ValueTask RotateAsync(CancellationToken cancellationToken) =>
        throw new NexusException(ErrorCodes.Conflict, $"The master key lies in the service at {options.Endpoint}: rotate it there, or name another in encryption.kms.keyId and wrap the keys anew.");

    private static JsonObject ContextOf(byte[] place) => new() { ["nexus:key"] = Encoding.UTF8.GetString(place) };

    private async Task<JsonNode> CallAsync(string action, JsonObject body, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            var bytes = Encoding.UTF8.GetBytes(body.ToJsonString());
            using var request = new HttpRequestMessage(HttpMethod.Post, options.Endpoint) { Content = new ByteArrayContent(bytes) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
            Sign(request, $"TrentService.{action}", bytes);
            using var answer = await client.SendAsync(request, limit.Token);
            var text = await answer.Content.ReadAsStringAsync(limit.Token);
            if (answer.IsSuccessStatusCode)
                return JsonNode.Parse(text)!;
            // The type names the cause (AccessDeniedException, InvalidCiphertextException, …); the message may name accounts and stays out.
            var type = JsonNode.Parse(text)?["__type"]?.ToString() ?? "";
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The key service refused {action}: {(int)answer.StatusCode} {type[(type.LastIndexOf('#') + 1)..]}");
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or JsonException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The key service at {options.Endpoint} does not answer as one: {e.Message}", e);
        }
    }

    /// <summary>Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).</summary>
    private void Sign(HttpRequestMessage request, string target, byte[] body)
    {
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var scope = $"{now[..8]}/{options.Region}/kms/aws4_request";
        const string names = "content-type;host;x-amz-date;x-amz-target";
        var path = options.Endpoint.AbsolutePath;
        var canonical = $"POST\n{path}\n\ncontent-type:application/x-amz-json-1.1\nhost:{options.Endpoint.Authority}\nx-amz-date:{now}\nx-amz-target:{target}\n\n{names}\n{Hex(SHA256.HashData(body))}";
        var signed = $"AWS4-HMAC-SHA256\n{now}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = Encoding.UTF8.GetBytes("AWS4" + options.SecretKey);
        foreach (var part in scope.Split('/'))
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        request.Headers.Add("X-Amz-Date", now);
        request.Headers.Add("X-Amz-Target", target);
        request.Headers.TryAddWithoutValidation("Authorization", $"AWS4-HMAC-SHA256 Credential={options.AccessKey}/{scope}, SignedHeaders={names}, Signature={Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed)))}");
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
