using System.Buffers.Text;
using Nexus.Core.Identity.Tests.Foreign;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Tests.Tokens;

public sealed class StoredKeyTests
{
    [Fact]
    public async Task A_host_stores_its_signing_key_sealed_by_its_field_protection()
    {
        await using var nexus = await RunningNexus.StartAsync();

        var document = await nexus.Get<IDocuments>().FindAsync("tokens/keys");

        var stored = document!.Value!["keys"]![0]!;
        Assert.True((bool)stored["isSealed"]!);
        Assert.DoesNotContain(Base64Url.EncodeToString(nexus.Get<KeyRing>().Current.Secret()), document.Value.ToJsonString(), StringComparison.Ordinal);
    }
}
