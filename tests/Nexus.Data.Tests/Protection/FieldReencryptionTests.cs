using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Memory;
using Nexus.Data.Protection;

namespace Nexus.Data.Tests.Protection;

/// <summary>Values that were sealed before a rotation and written when their table was passed, or by a node that did not know of it.</summary>
public sealed class FieldReencryptionTests : IAsyncLifetime
{
    private const string Tenant = "t1";
    private const string People = "crm.people";

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-reencryption-").FullName;
    private readonly MovedClock _clock = new();
    private StorageSet _set = null!;
    private KeyRing _keys = null!;

    public async ValueTask InitializeAsync()
    {
        _set = await new MemoryStorage(_clock).OpenAsync(new StorageOptions(""), CancellationToken.None);
        _keys = Ring();
    }

    public async ValueTask DisposeAsync()
    {
        _keys.Dispose();
        await _set.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_is_written_under_the_older_key_behind_the_page_in_hand_is_found_by_the_next_pass()
    {
        await StorePersonAsync("5", await SealAsync("5"));
        var late = await SealAsync("0");
        await _keys.RotateAsync(Tenant, CancellationToken.None);
        var between = new Between(_set.Records, () => StorePersonAsync("0", late));
        using var reencryption = New(between);

        await reencryption.RunAsync(CancellationToken.None);

        Assert.Equal((2, 2), (await KeyOfPersonAsync("5"), await KeyOfPersonAsync("0")));
        var progress = Assert.Single(await reencryption.ListAsync(CancellationToken.None));
        Assert.Equal((2L, 1L, 0L, true), (progress.Encrypted, progress.Records, progress.Unreadable, progress.FinishedAt is not null));
        Assert.Equal("pin", Encoding.UTF8.GetString((await _keys.UnprotectAsync(Tenant, await SealedOfAsync("0"), Place("0"), CancellationToken.None)).Span));
    }

    [Fact]
    public async Task When_no_node_can_have_the_older_key_in_hand_everything_is_looked_at_once_more()
    {
        var late = await SealAsync("0");
        await _keys.RotateAsync(Tenant, CancellationToken.None);
        using var reencryption = New(_set.Records);
        Assert.Equal(TimeSpan.FromMinutes(2), await reencryption.RunAsync(CancellationToken.None));
        await StorePersonAsync("0", late);

        _clock.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal(TimeSpan.FromSeconds(1), await reencryption.RunAsync(CancellationToken.None));
        Assert.Equal(1, await KeyOfPersonAsync("0"));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Timeout.InfiniteTimeSpan, await reencryption.RunAsync(CancellationToken.None));

        Assert.Equal(2, await KeyOfPersonAsync("0"));
        await StorePersonAsync("0", late);
        await reencryption.RunAsync(CancellationToken.None);
        Assert.Equal(1, await KeyOfPersonAsync("0"));
    }

    [Fact]
    public async Task A_secret_that_a_plugin_keeps_as_text_is_encrypted_again_for_the_place_that_it_names_and_opens_at_no_other()
    {
        var text = await SealedText.SealAsync(_keys, Tenant, "totp"u8.ToArray(), "t1/core.identity/totp/ada", CancellationToken.None);
        await StoreAsync("documents", "custom/ada", new JsonObject { ["secret"] = text, ["list"] = new JsonArray(text), ["plain"] = "$sealed:no:thing" });
        await _keys.RotateAsync(Tenant, CancellationToken.None);
        using var reencryption = New(_set.Records);

        await reencryption.RunAsync(CancellationToken.None);

        var stored = JsonNode.Parse((await _set.Records.FindAsync(new RecordKey(Tenant, "documents", "custom/ada"), CancellationToken.None))!.Json.Span)!;
        Assert.Equal("$sealed:no:thing", (string)stored["plain"]!);
        foreach (var anew in new[] { (string)stored["secret"]!, (string)stored["list"]![0]! })
        {
            Assert.Equal(2, TenantKey.NumberOf(SealedText.Read(anew)!.Value.Sealed));
            Assert.Equal("totp", Encoding.UTF8.GetString((await SealedText.OpenAsync(_keys, Tenant, anew, "t1/core.identity/totp/ada", CancellationToken.None)).Span));
            await Assert.ThrowsAsync<NexusException>(() => SealedText.OpenAsync(_keys, Tenant, anew, "t1/core.identity/totp/bob", CancellationToken.None).AsTask());
        }
    }

    [Fact]
    public async Task A_node_takes_the_key_that_another_node_made_within_half_a_minute()
    {
        using var other = Ring();
        await SealAsync("0");
        await other.RotateAsync(Tenant, CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(1, TenantKey.NumberOf(await SealAsync("0")));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(2, TenantKey.NumberOf(await SealAsync("0")));
    }

    private static byte[] Place(string id) => Encoding.UTF8.GetBytes($"{Tenant}/{People}/{id}/pin");

    private KeyRing Ring() => new(() => _set.Records, () => FileMasterKey.Open(Path.Combine(_folder, "master.key"), mayCreate: true, _ => { }), _clock);

    private FieldReencryption New(IStorage storage) => new(_keys, () => storage, () => new Tables(), _clock, NullLogger.Instance);

    private async Task<byte[]> SealAsync(string id) => (await _keys.ProtectAsync(Tenant, "pin"u8.ToArray(), Place(id), CancellationToken.None)).ToArray();

    private Task StorePersonAsync(string id, byte[] pin) => StoreAsync(People, id, new JsonObject { ["pin"] = new JsonObject { ["$sealed"] = Convert.ToBase64String(pin) } });

    private async Task StoreAsync(string table, string id, JsonObject json)
    {
        var revision = (await _set.Records.FindAsync(new RecordKey(Tenant, table, id), CancellationToken.None))?.Revision ?? 0;
        var record = new StoredRecord { Id = id, Revision = revision + 1, CreatedAt = _clock.GetUtcNow(), UpdatedAt = _clock.GetUtcNow(), Json = Encoding.UTF8.GetBytes(json.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) };
        await _set.Records.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey(Tenant, table, id), Record = record, ExpectedRevision = revision }] }, CancellationToken.None);
    }

    private async Task<byte[]> SealedOfAsync(string id) =>
        Convert.FromBase64String((string)JsonNode.Parse((await _set.Records.FindAsync(new RecordKey(Tenant, People, id), CancellationToken.None))!.Json.Span)!["pin"]!["$sealed"]!);

    private async Task<int?> KeyOfPersonAsync(string id) => TenantKey.NumberOf(await SealedOfAsync(id));

    /// <summary>A caller who writes right after the first page of people was written again.</summary>
    private sealed class Between(IStorage inner, Func<Task> write) : IStorage
    {
        private bool _done;

        public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
        {
            var result = await inner.CommitAsync(batch, cancellationToken);
            if (_done || !batch.Writes.Any(w => w.Key.Table == People))
                return result;
            _done = true;
            await write();
            return result;
        }

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => inner.FindAsync(key, cancellationToken);

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => inner.QueryAsync(query, cancellationToken);
    }

    private sealed class Tables : ITenantStore
    {
        public ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken) => new(tenant == Tenant ? [People, "documents"] : []);

        public ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private sealed class MovedClock : TimeProvider
    {
        private TimeSpan _moved;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero) + _moved;

        public override long GetTimestamp() => _moved.Ticks;

        public void Advance(TimeSpan by) => _moved += by;
    }
}
