using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Data.Memory;
using Nexus.Data.Protection;

namespace Nexus.Data.Tests.Protection;

public sealed class KmsMasterKeyTests
{
    private static readonly KmsOptions Options = new(new Uri("https://kms.test/"), "eu-central-1", "key-1", "AKID", "secret");

    [Fact]
    public async Task Keys_of_tenants_are_wrapped_in_the_service_and_a_new_key_there_takes_them_over()
    {
        using var service = new Service();
        await using var set = await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(""), CancellationToken.None);
        KeyRing Ring(KmsOptions options) => new(() => set.Records, () => new KmsMasterKey(options, new HttpClient(service, disposeHandler: false), TimeProvider.System), TimeProvider.System);
        using var first = Ring(Options);
        var value = await first.ProtectAsync("t1", "v"u8.ToArray(), "p"u8.ToArray(), CancellationToken.None);

        using var second = Ring(Options with { KeyId = "key-2" });
        Assert.Equal("v"u8.ToArray(), (await second.UnprotectAsync("t1", value, "p"u8.ToArray(), CancellationToken.None)).ToArray());
        Assert.Equal(1, await second.RewrapAsync(CancellationToken.None));

        Assert.Equal(["kms:key-2"], (await second.ListAsync(CancellationToken.None)).Select(k => k.Master));
        service.Forget("key-1");
        using var third = Ring(Options with { KeyId = "key-2" });
        Assert.Equal("v"u8.ToArray(), (await third.UnprotectAsync("t1", value, "p"u8.ToArray(), CancellationToken.None)).ToArray());
        Assert.Equal(ErrorCodes.Conflict, (await Assert.ThrowsAsync<NexusException>(() => third.RotateMasterAsync(CancellationToken.None).AsTask())).Code);
    }

    [Fact]
    public async Task A_refusal_names_its_type_and_neither_message_nor_credentials()
    {
        using var service = new Service();
        var master = new KmsMasterKey(Options, new HttpClient(service), TimeProvider.System);
        var wrapped = await master.WrapAsync(new byte[32], "here"u8.ToArray(), CancellationToken.None);

        var error = await Assert.ThrowsAsync<NexusException>(() => master.UnwrapAsync(master.Id, wrapped, "elsewhere"u8.ToArray(), CancellationToken.None).AsTask());

        Assert.Equal("The key service refused Decrypt: 400 InvalidCiphertextException", error.Message);
    }

    [Fact]
    public async Task Requests_are_signed_so_that_a_service_with_the_secret_accepts_them_and_one_with_another_does_not()
    {
        using var service = new Service();
        await new KmsMasterKey(Options, new HttpClient(service, disposeHandler: false), TimeProvider.System).WrapAsync(new byte[32], "p"u8.ToArray(), CancellationToken.None);

        var error = await Assert.ThrowsAsync<NexusException>(() => new KmsMasterKey(Options with { SecretKey = "other" }, new HttpClient(service, disposeHandler: false), TimeProvider.System).WrapAsync(new byte[32], "p"u8.ToArray(), CancellationToken.None).AsTask());

        Assert.Contains("InvalidSignatureException", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A small peer with the wire form of AWS KMS, which checks signatures by their definition.</summary>
    private sealed class Service : HttpMessageHandler
    {
        private readonly ConcurrentDictionary<string, byte[]> _keys = new();

        public void Forget(string key) => _keys.TryRemove(key, out _);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
            if (!IsSigned(request, body))
                return Refuse("com.amazonaws.kms#InvalidSignatureException");
            var json = JsonNode.Parse(body)!;
            var context = Encoding.UTF8.GetBytes(json["EncryptionContext"]!.ToJsonString());
            var id = (string)json["KeyId"]!;
            var answer = new JsonObject { ["KeyId"] = id };
            if (request.Headers.GetValues("X-Amz-Target").Single() == "TrentService.Encrypt")
            {
                using var cipher = new AesGcm(_keys.GetOrAdd(id, _ => RandomNumberGenerator.GetBytes(32)), 16);
                var plain = Convert.FromBase64String((string)json["Plaintext"]!);
                var (nonce, sealedKey, tag) = (RandomNumberGenerator.GetBytes(12), new byte[plain.Length], new byte[16]);
                cipher.Encrypt(nonce, plain, sealedKey, tag, context);
                answer["CiphertextBlob"] = Convert.ToBase64String([.. nonce, .. tag, .. sealedKey]);
            }
            else
            {
                if (!_keys.TryGetValue(id, out var key))
                    return Refuse("NotFoundException");
                using var cipher = new AesGcm(key, 16);
                var blob = Convert.FromBase64String((string)json["CiphertextBlob"]!);
                var plain = new byte[blob.Length - 28];
                try
                {
                    cipher.Decrypt(blob.AsSpan(0, 12), blob.AsSpan(28), blob.AsSpan(12, 16), plain, context);
                }
                catch (AuthenticationTagMismatchException)
                {
                    return Refuse("InvalidCiphertextException");
                }

                answer["Plaintext"] = Convert.ToBase64String(plain);
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(answer.ToJsonString()) };
        }

        private static HttpResponseMessage Refuse(string type) => new(HttpStatusCode.BadRequest) { Content = new StringContent($$"""{"__type":"{{type}}","message":"account 123456789012"}""") };

        private static bool IsSigned(HttpRequestMessage request, byte[] body)
        {
            var date = request.Headers.GetValues("X-Amz-Date").Single();
            var canonical = string.Join('\n', "POST", "/", "", "content-type:application/x-amz-json-1.1", "host:kms.test", $"x-amz-date:{date}", $"x-amz-target:{request.Headers.GetValues("X-Amz-Target").Single()}", "", "content-type;host;x-amz-date;x-amz-target", Convert.ToHexStringLower(SHA256.HashData(body)));
            var signed = string.Join('\n', "AWS4-HMAC-SHA256", date, $"{date[..8]}/eu-central-1/kms/aws4_request", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
            byte[] Mac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
            var signature = Convert.ToHexStringLower(Mac(Mac(Mac(Mac(Mac("AWS4secret"u8.ToArray(), date[..8]), "eu-central-1"), "kms"), "aws4_request"), signed));
            return request.Headers.GetValues("Authorization").Single() == $"AWS4-HMAC-SHA256 Credential=AKID/{date[..8]}/eu-central-1/kms/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}";
        }
    }
}
