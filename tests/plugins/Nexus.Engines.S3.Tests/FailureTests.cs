using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Nexus.Engines.S3.Tests;

public sealed class FailureTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_large_blob_goes_up_in_parts_and_a_look_at_its_end_asks_for_its_end_only()
    {
        await using var server = await S3Server.StartAsync();
        await using var set = await server.OpenAsync(("s3:partSize", "1000000"));
        var blobs = set.Store.Get("crm", "t1");
        await server.SeenAsync();

        var blob = await blobs.PutAsync(new MemoryStream(Bytes(3_500_000)), Token);

        var put = await server.SeenAsync();
        Assert.Equal(4, put.Count(r => r.StartsWith("PUT ", StringComparison.Ordinal) && r.Contains("partNumber=", StringComparison.Ordinal)));
        Assert.Single(put, r => r.StartsWith("POST ", StringComparison.Ordinal) && r.Contains("uploadId=", StringComparison.Ordinal));
        await using (var stream = (await blobs.OpenAsync(blob.Sha256, Token))!)
        {
            stream.Seek(-5, SeekOrigin.End);
            Assert.Equal(5, await stream.ReadAtLeastAsync(new byte[10], 10, throwOnEndOfStream: false, Token));
        }

        Assert.Single(await server.SeenAsync(), r => r.EndsWith(" bytes=3499995-3499999", StringComparison.Ordinal));
        await blobs.PutAsync(new MemoryStream(Bytes(3_500_000)), Token);
        Assert.StartsWith("HEAD /blobs/t1/crm/", Assert.Single(await server.SeenAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_breaks_off_or_is_refused_for_a_while_is_tried_again()
    {
        await using var server = await S3Server.StartAsync();
        await using var set = await server.OpenAsync(("s3:partSize", "1000000"));
        var blobs = set.Store.Get("crm", "t1");
        var content = Bytes(3_000_000);

        await server.BehaveAsync("busy", 2);
        var blob = await blobs.PutAsync(new MemoryStream(content), Token);
        await using var stream = (await blobs.OpenAsync(blob.Sha256, Token))!;
        await server.BehaveAsync("cut", 2);

        Assert.Equal(blob.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Token)));
    }

    [Fact]
    public async Task A_store_that_stays_silent_costs_the_time_limit_and_names_bucket_endpoint_and_way_out()
    {
        await using var server = await S3Server.StartAsync();
        await using (await server.OpenAsync())
        {
            // Warms the store up: the limit holds for the opening as well.
        }

        await using var set = await WithinAsync(() => server.OpenAsync(("s3:timeoutSeconds", "0.3"), ("s3:retries", "0")));
        await server.BehaveAsync("silent", 100);
        var clock = Stopwatch.StartNew();

        var error = await Assert.ThrowsAsync<NexusException>(() => set.Store.Get("crm", "t1").OpenAsync(new string('a', 64), Token).AsTask());

        Assert.Equal(ErrorCodes.StorageUnavailable, error.Code);
        Assert.Equal($"Blobs in bucket blobs at {server.Address}: no answer within 0.3 s. Check that the store runs and can be reached from here, or raise blobs.s3.timeoutSeconds.", error.Message);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"it took {clock.Elapsed}");
        var ill = await set.CheckHealth(Token);
        Assert.Equal(HealthLevel.Unhealthy, ill.Status);
        await server.BehaveAsync("pass", 0);
        var well = await set.CheckHealth(Token);
        for (var i = 0; i < 100 && well.Status != HealthLevel.Healthy; i++) well = await set.CheckHealth(Token);
        Assert.Equal(HealthLevel.Healthy, well.Status);
        Assert.Matches($@"^bucket blobs at {server.Address} answers in \d+\.\d ms$", well.Detail);
    }

    [Fact]
    public async Task Opening_says_what_is_wrong()
    {
        await using var server = await S3Server.StartAsync();
        async Task<string> MessageAsync(params (string Key, string Value)[] settings) => (await Assert.ThrowsAsync<NexusException>(() => server.OpenAsync(settings))).Message;
        var port = Nexus.Tests.Shared.Ports.Free();

        Assert.Equal($"Blobs in bucket other at {server.Address}: there is no such bucket. Make it, or name another in blobs.s3.bucket.", await MessageAsync(("s3:bucket", "other")));
        Assert.Equal($"Blobs in bucket blobs at {server.Address}: the credentials are refused. Check blobs.s3.accessKey and blobs.s3.secretKey.", await MessageAsync(("s3:accessKey", "nobody")));
        Assert.StartsWith($"Blobs in bucket blobs at http://127.0.0.1:{port}: the endpoint does not answer.", await MessageAsync(("s3:endpoint", $"http://127.0.0.1:{port}"), ("s3:retries", "0")), StringComparison.Ordinal);
        Assert.Equal("blobs.type is s3, which needs blobs.s3.bucket.", await MessageAsync(("s3:bucket", "")));
        Assert.StartsWith("blobs.s3.endpoint is 'here'", await MessageAsync(("s3:endpoint", "here")), StringComparison.Ordinal);
        Assert.StartsWith("blobs.s3.accessKey and blobs.s3.secretKey are set together", await MessageAsync(("s3:secretKey", "")), StringComparison.Ordinal);
        await server.BehaveAsync("denied", 1);
        Assert.Equal($"Blobs in bucket blobs at {server.Address}: access is denied. Allow the user to list the bucket and to get, put and delete its objects.", await MessageAsync());
    }

    [Fact]
    public async Task More_blobs_than_one_answer_lists_are_all_listed_and_what_others_keep_in_the_bucket_is_not()
    {
        await using var server = await S3Server.StartAsync();
        await using var set = await server.OpenAsync();
        foreach (var key in Enumerable.Range(0, 2_100).Select(i => $"t1/crm/{i:x64}").Append("t1/crm/notes.txt").Append("t1/other").Append("backup/of/" + new string('0', 63)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(server.FileOf(key))!);
            await File.WriteAllTextAsync(server.FileOf(key), "", Token);
        }

        var all = await set.Store.ListAsync(cancellationToken: Token).ToListAsync(Token);

        Assert.Equal(Enumerable.Range(0, 2_100).Select(i => new OwnedBlob("crm", "t1", $"{i:x64}", 0)), all.OrderBy(b => b.Sha256, StringComparer.Ordinal));
    }

    [Fact]
    public async Task TLS_is_trusted_through_the_configured_authority_alone()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=store", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), Token);
        await using var server = await S3Server.StartAsync(key.ExportPkcs8PrivateKeyPem(), certificate.ExportCertificatePem());

        var error = await Assert.ThrowsAsync<NexusException>(() => server.OpenAsync(("s3:retries", "0")));
        Assert.Equal($"Blobs in bucket blobs at {server.Address}: the certificate of the endpoint is not trusted. Name the file of its authority in blobs.s3.certificateAuthority.", error.Message);
        await using var set = await server.OpenAsync(("s3:certificateAuthority", file));
        var blob = await set.Store.Get("crm", "t1").PutAsync(new MemoryStream(Bytes(100)), Token);
        Assert.NotNull(await set.Store.Get("crm", "t1").OpenAsync(blob.Sha256, Token));
        File.Delete(file);
    }

    /// <summary>Tries again what a store that answers could not do within a short limit, as on a machine that is busy.</summary>
    private static async Task<BlobSet> WithinAsync(Func<Task<BlobSet>> open)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await open();
            }
            catch (NexusException late) when (tries < 50 && late.Message.Contains("no answer within", StringComparison.Ordinal))
            {
                await Task.Delay(50, Token);
            }
        }
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
