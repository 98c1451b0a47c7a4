using Nexus.Data.Memory;
using Nexus.Data.Protection;
using Nexus.Data.Protection.Pkcs11;

namespace Nexus.Data.Tests.Protection;

/// <summary>Master keys in a real token (SoftHSM).</summary>
public sealed class TokenMasterKeyTests(SoftToken token) : IClassFixture<SoftToken>, IAsyncLifetime
{
    private readonly List<string> _warnings = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-token-keys-").FullName;
    private StorageSet _set = null!;

    public async ValueTask InitializeAsync() => _set = await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(""), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _set.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private TokenMasterKey Open(string label, bool mayCreate = true) => TokenMasterKey.Open(SoftToken.Options(label), mayCreate, _warnings.Add);

    private FileMasterKey OpenFile() => FileMasterKey.Open(Path.Combine(_folder, "master.key"), mayCreate: true, _warnings.Add);

    private KeyRing Ring(Func<IMasterKey> master) => new(() => _set.Records, master, TimeProvider.System);

    private static async Task<byte[]> SealAsync(KeyRing ring, string tenant = "t1") => (await ring.ProtectAsync(tenant, "geheim"u8.ToArray(), "place"u8.ToArray(), CancellationToken.None)).ToArray();

    private static async Task<string> OpenAsync(KeyRing ring, byte[] value, string tenant = "t1") => System.Text.Encoding.UTF8.GetString((await ring.UnprotectAsync(tenant, value, "place"u8.ToArray(), CancellationToken.None)).Span);

    [Fact]
    public async Task Keys_of_tenants_are_wrapped_in_the_token_and_open_after_a_restart()
    {
        byte[] value;
        using (var ring = Ring(() => Open("a")))
            value = await SealAsync(ring);
        using var restarted = Ring(() => Open("a", mayCreate: false));

        Assert.Equal("geheim", await OpenAsync(restarted, value));
        Assert.Equal(["pkcs11:a"], (await restarted.ListAsync(CancellationToken.None)).Select(k => k.Master));
        Assert.Equal(["made the master key a in the token nexus; without it no protected field can be read: back the token up"], _warnings);
    }

    [Fact]
    public async Task A_wrapped_key_opens_neither_elsewhere_nor_altered_nor_under_another_key()
    {
        using var master = Open("b");
        using var other = Open("b-other");
        var wrapped = await master.WrapAsync(new byte[32], "here"u8.ToArray(), CancellationToken.None);

        Assert.Equal(new byte[32], await master.UnwrapAsync("pkcs11:b", wrapped, "here"u8.ToArray(), CancellationToken.None));
        Assert.NotEqual(wrapped, await master.WrapAsync(new byte[32], "here"u8.ToArray(), CancellationToken.None));
        async Task RefusedAsync(string id, byte[] key, string place)
        {
            var error = await Assert.ThrowsAsync<NexusException>(() => master.UnwrapAsync(id, key, System.Text.Encoding.UTF8.GetBytes(place), CancellationToken.None).AsTask());
            Assert.Equal((ErrorCodes.ProtectionFailed, true), (error.Code, error.Message.Contains("altered or moved", StringComparison.Ordinal)));
        }

        await RefusedAsync("pkcs11:b", wrapped, "there");
        await RefusedAsync("pkcs11:b-other", wrapped, "here");
        for (var at = 0; at < wrapped.Length; at++)
        {
            var flipped = wrapped.ToArray();
            flipped[at] ^= 1;
            await RefusedAsync("pkcs11:b", flipped, "here");
        }

        foreach (var length in new[] { 0, 11, 27, wrapped.Length - 1 })
            await RefusedAsync("pkcs11:b", wrapped[..length], "here");
    }

    [Fact]
    public async Task A_new_master_key_is_made_in_the_token_and_wraps_every_key_anew_while_values_are_written()
    {
        using var ring = Ring(() => Open("c"));
        var values = new List<byte[]> { await SealAsync(ring) };
        await SealAsync(ring, "t2");
        using var stop = new CancellationTokenSource();
        var writer = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                values.Add(await SealAsync(ring));
        });

        Assert.Equal(2, await ring.RotateMasterAsync(CancellationToken.None));
        await stop.CancelAsync();
        await writer;

        Assert.Equal(["pkcs11:c.2", "pkcs11:c.2"], (await ring.ListAsync(CancellationToken.None)).Select(k => k.Master));
        using var restarted = Ring(() => Open("c", mayCreate: false));
        Assert.Equal(0, await restarted.RewrapAsync(CancellationToken.None));
        Assert.Equal(2, await restarted.RotateMasterAsync(CancellationToken.None));
        Assert.Equal(["pkcs11:c.3", "pkcs11:c.3"], (await ring.ListAsync(CancellationToken.None)).Select(k => k.Master));
        foreach (var value in values)
            Assert.Equal("geheim", await OpenAsync(restarted, value));
    }

    [Fact]
    public async Task A_node_moves_from_a_file_to_a_token_and_back_while_both_are_configured()
    {
        byte[] value;
        using (var before = Ring(OpenFile))
            value = await SealAsync(before);

        using (var moved = Ring(() => new MasterKeys(Open("d"), name => name == "file" ? OpenFile() : null)))
        {
            Assert.Equal("geheim", await OpenAsync(moved, value));
            Assert.Equal(1, await moved.RewrapAsync(CancellationToken.None));
        }

        using var alone = Ring(() => new MasterKeys(Open("d"), _ => null));
        Assert.Equal("geheim", await OpenAsync(alone, value));
        using var back = Ring(() => new MasterKeys(OpenFile(), _ => null));
        var error = await Assert.ThrowsAsync<NexusException>(() => OpenAsync(back, value));
        Assert.Equal((ErrorCodes.ProtectionFailed, true), (error.Code, error.Message.Contains("encryption.pkcs11 is not configured", StringComparison.Ordinal)));
        using var home = Ring(() => new MasterKeys(OpenFile(), name => name == "pkcs11" ? Open("d") : null));
        Assert.Equal(1, await home.RewrapAsync(CancellationToken.None));
        Assert.StartsWith("file:", Assert.Single(await home.ListAsync(CancellationToken.None)).Master, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_or_wrong_is_named_with_the_way_out()
    {
        string Refusal(TokenOptions options)
        {
            var error = Assert.Throws<NexusException>(() => TokenMasterKey.Open(options, mayCreate: false, _warnings.Add));
            Assert.Equal(ErrorCodes.ProtectionFailed, error.Code);
            return error.Message;
        }

        Assert.Equal($"The token nexus has no AES key called none (encryption.pkcs11.label). Make one: pkcs11-tool --module {SoftToken.Options("").Library} --token-label nexus --login --keygen --key-type AES:32 --label none", Refusal(SoftToken.Options("none")));
        Assert.StartsWith("No token is called absent (encryption.pkcs11.token); there are: ", Refusal(SoftToken.Options("a", token: "absent")), StringComparison.Ordinal);
        Assert.Equal("encryption.pkcs11.library /none.so is not a PKCS#11 library that can be loaded here.", Refusal(SoftToken.Options("a") with { Library = "/none.so" }));
        var pin = Refusal(SoftToken.Options("a", token: "wrong-pin", pin: "9999"));
        Assert.Contains("CKR_PIN_INCORRECT", pin, StringComparison.Ordinal);
        Assert.DoesNotContain("9999", pin, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_imported_key_wraps_when_it_is_32_bytes_and_another_is_named_with_the_way_out()
    {
        var options = SoftToken.Options("raw");
        token.Import("raw", [.. Enumerable.Range(0, 32).Select(i => (byte)(i + 100))]);
        token.Import("hex", System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(new byte[32]) + "\n"));
        token.Import("cut", [.. Enumerable.Range(0, 32).Select(i => (byte)(i - 10))]);

        using var master = TokenMasterKey.Open(options, mayCreate: false, _warnings.Add);
        Assert.Equal(new byte[32], await master.UnwrapAsync("pkcs11:raw", await master.WrapAsync(new byte[32], [1], CancellationToken.None), [1], CancellationToken.None));
        foreach (var (label, length) in new[] { ("hex", 65), ("cut", 10) })
        {
            var error = Assert.Throws<NexusException>(() => TokenMasterKey.Open(SoftToken.Options(label), mayCreate: false, _warnings.Add));
            Assert.Equal((ErrorCodes.ProtectionFailed, $"The key {label} of the token nexus has {length} bytes, and AES-256 takes 32. Make one inside: pkcs11-tool --module {options.Library} --token-label nexus --login --keygen --key-type AES:32 --label … (a file that is imported is taken as it is, not as hex or base64, and softhsm2-util takes the first line up to a zero byte)."), (error.Code, error.Message));
        }
    }

    [Fact]
    public async Task Of_two_keys_with_one_label_none_is_taken()
    {
        var options = SoftToken.Options("twice", token: "spare");
        using var inside = new Token(Cryptoki.Load(options.Library), options.Token, options.Pin);
        inside.Make("twice");
        using var master = TokenMasterKey.Open(options, mayCreate: false, _warnings.Add);
        var wrapped = await master.WrapAsync(new byte[32], [1], CancellationToken.None);
        inside.Make("twice");

        Assert.Contains("more than one key called twice", (await Assert.ThrowsAsync<NexusException>(() => master.UnwrapAsync("pkcs11:twice", wrapped, [1], CancellationToken.None).AsTask())).Message, StringComparison.Ordinal);
        Assert.Contains("has no key called twice.7", (await Assert.ThrowsAsync<NexusException>(() => master.UnwrapAsync("pkcs11:twice.7", wrapped, [1], CancellationToken.None).AsTask())).Message, StringComparison.Ordinal);
    }
}
