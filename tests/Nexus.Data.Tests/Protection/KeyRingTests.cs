using System.Text;
using Nexus.Data.Memory;
using Nexus.Data.Protection;

namespace Nexus.Data.Tests.Protection;

public sealed class KeyRingTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-keys-").FullName;
    private readonly List<string> _warnings = [];
    private StorageSet _set = null!;

    public async ValueTask InitializeAsync() => _set = await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(""), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _set.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private string KeyFile => Path.Combine(_folder, "keys", "master.key");

    private KeyRing Ring() => new(() => _set.Records, () => FileMasterKey.Open(KeyFile, mayCreate: true, _warnings.Add), TimeProvider.System);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task<byte[]> SealAsync(KeyRing ring, string value, string tenant = "t1", string place = "t1/crm.people/1/pin") => (await ring.ProtectAsync(tenant, Utf8(value), Utf8(place), CancellationToken.None)).ToArray();

    private static async Task<string> OpenAsync(KeyRing ring, byte[] value, string tenant = "t1", string place = "t1/crm.people/1/pin") => Encoding.UTF8.GetString((await ring.UnprotectAsync(tenant, value, Utf8(place), CancellationToken.None)).Span);

    [Fact]
    public async Task A_value_opens_where_it_was_sealed_also_after_a_restart()
    {
        using var ring = Ring();
        var sealedValue = await SealAsync(ring, "geheim");
        using var restarted = Ring();

        Assert.Equal(("geheim", "geheim"), (await OpenAsync(ring, sealedValue), await OpenAsync(restarted, sealedValue)));
        Assert.True(sealedValue.AsSpan().IndexOf("geheim"u8) < 0);
        Assert.Equal("", await OpenAsync(ring, await SealAsync(ring, "")));
        Assert.Single(_warnings);
    }

    [Fact]
    public async Task It_opens_under_no_other_tenant_place_or_key_and_not_when_a_bit_is_flipped()
    {
        using var ring = Ring();
        var sealedValue = await SealAsync(ring, "geheim");
        await SealAsync(ring, "x", "t2");

        foreach (var (tenant, place) in new[] { ("t2", "t1/crm.people/1/pin"), ("t1", "t1/crm.people/2/pin"), ("t1", "") })
            Assert.Equal(ErrorCodes.ProtectionFailed, (await Assert.ThrowsAsync<NexusException>(() => OpenAsync(ring, sealedValue, tenant, place))).Code);
        for (var bit = 0; bit < sealedValue.Length * 8; bit++)
        {
            var flipped = sealedValue.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(ErrorCodes.ProtectionFailed, (await Assert.ThrowsAsync<NexusException>(() => OpenAsync(ring, flipped))).Code);
        }

        for (var length = 0; length < sealedValue.Length; length++)
            await Assert.ThrowsAsync<NexusException>(() => OpenAsync(ring, sealedValue[..length]));
    }

    [Fact]
    public async Task No_nonce_comes_twice_over_concurrent_sealing_and_restarts()
    {
        var nonces = new HashSet<string>();
        for (var run = 0; run < 3; run++)
        {
            using var ring = Ring();
            var values = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                var made = new List<byte[]>();
                for (var i = 0; i < 5000; i++)
                    made.Add(await SealAsync(ring, "same"));
                return made;
            })));
            foreach (var value in values.SelectMany(v => v))
                Assert.True(nonces.Add(Convert.ToHexString(value.AsSpan(5, 12))));
        }

        Assert.Equal(60_000, nonces.Count);
    }

    [Fact]
    public async Task After_a_rotation_new_values_are_under_the_new_key_and_old_ones_stay_readable()
    {
        using var ring = Ring();
        var old = await SealAsync(ring, "old");
        Assert.Equal(2, await ring.RotateAsync("t1", CancellationToken.None));
        var fresh = await SealAsync(ring, "new");
        using var restarted = Ring();

        Assert.Equal((1, 2), (TenantKey.NumberOf(old), TenantKey.NumberOf(fresh)));
        Assert.Equal((true, false), (ring.NeedsNewKey("t1", old), ring.NeedsNewKey("t1", fresh)));
        Assert.Equal(("old", "new"), (await OpenAsync(restarted, old), await OpenAsync(restarted, fresh)));
        Assert.Equal(2, TenantKey.NumberOf(await SealAsync(restarted, "x")));
    }

    [Fact]
    public async Task A_new_master_key_wraps_every_key_anew_while_values_are_written()
    {
        using var ring = Ring();
        var values = new List<byte[]> { await SealAsync(ring, "v") };
        await SealAsync(ring, "x", "t2");
        var before = File.ReadAllText(KeyFile);
        using var stop = new CancellationTokenSource();
        var writer = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                values.Add(await SealAsync(ring, "v"));
        });

        Assert.Equal(2, await ring.RotateMasterAsync(CancellationToken.None));
        await ring.RotateAsync("t1", CancellationToken.None);
        await stop.CancelAsync();
        await writer;

        Assert.NotEqual(before, File.ReadAllText(KeyFile));
        using var restarted = Ring();
        Assert.Single((await restarted.ListAsync(CancellationToken.None)).Select(k => k.Master).Distinct());
        foreach (var value in values)
            Assert.Equal("v", await OpenAsync(restarted, value));
        // What the old master wrapped is gone, so it can be destroyed.
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(KeyFile)!, "master.*.key"))
            File.Delete(file);
        using var withoutTheOld = Ring();
        Assert.Equal("v", await OpenAsync(withoutTheOld, values[0]));
    }

    [Fact]
    public async Task Equal_values_of_one_field_have_one_digest_which_rotation_keeps()
    {
        using var ring = Ring();
        async Task<string> DigestAsync(KeyRing of, string tenant, string value, string field) => Convert.ToHexString((await of.DigestAsync(tenant, Utf8(value), field, CancellationToken.None)).Span);
        var digest = await DigestAsync(ring, "t1", "a@b.c", "email");
        await ring.RotateAsync("t1", CancellationToken.None);
        using var restarted = Ring();

        Assert.Equal(digest, await DigestAsync(restarted, "t1", "a@b.c", "email"));
        Assert.NotEqual(digest, await DigestAsync(ring, "t2", "a@b.c", "email"));
        Assert.NotEqual(digest, await DigestAsync(ring, "t1", "a@b.c", "phone"));
    }

    [Fact]
    public async Task Two_nodes_that_make_the_first_key_at_once_use_one()
    {
        using var left = Ring();
        using var right = Ring();
        await OpenAsync(left, await SealAsync(left, "prepare", "t0"), "t0");
        var values = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => SealAsync(i % 2 == 0 ? left : right, $"v{i}", "t9"))));

        Assert.Single((await left.ListAsync(CancellationToken.None)), k => k.Tenant == "t9");
        for (var i = 0; i < values.Length; i++)
            Assert.Equal($"v{i}", await OpenAsync(i % 2 == 0 ? right : left, values[i], "t9"));
    }

    [Fact]
    public void A_master_key_is_made_for_its_owner_alone_and_refused_when_missing_readable_or_broken()
    {
        Assert.Contains("encryption.file", Assert.Throws<NexusException>(() => FileMasterKey.Open(KeyFile, mayCreate: false, _warnings.Add)).Message, StringComparison.Ordinal);
        FileMasterKey.Open(KeyFile, mayCreate: true, _warnings.Add);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.GroupRead);
            Assert.Contains("chmod 600", Assert.Throws<NexusException>(() => FileMasterKey.Open(KeyFile, mayCreate: true, _warnings.Add)).Message, StringComparison.Ordinal);
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        File.WriteAllText(KeyFile, "short");
        Assert.Contains("32 bytes", Assert.Throws<NexusException>(() => FileMasterKey.Open(KeyFile, mayCreate: true, _warnings.Add)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stored_key_that_was_swapped_with_another_does_not_open()
    {
        using var ring = Ring();
        var value = await SealAsync(ring, "v");
        await SealAsync(ring, "v", "t2");
        var other = (await _set.Records.FindAsync(new RecordKey("default", "nexus.keys", "t2/data/000001"), CancellationToken.None))!;
        var swapped = Encoding.UTF8.GetString(other.Json.Span).Replace("\"t2\"", "\"t1\"", StringComparison.Ordinal);
        await _set.Records.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey("default", "nexus.keys", "t1/data/000001"), Record = other with { Json = Utf8(swapped) } }] }, CancellationToken.None);
        using var restarted = Ring();

        Assert.Equal(ErrorCodes.ProtectionFailed, (await Assert.ThrowsAsync<NexusException>(() => OpenAsync(restarted, value))).Code);
    }
}
