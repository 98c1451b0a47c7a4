using System.Text;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Tokens;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.Tokens;

public sealed class KeyRingTests
{
    [Fact]
    public async Task Keys_survive_a_restart()
    {
        using var before = await Node.StartAsync();
        var token = before.Tokens.Issue(Node.Ada).Text;

        using var after = await Node.StartAsync(before.Documents, before.Clock);

        Assert.Equal("u1", after.Tokens.Verify(token).Claims?.Subject);
    }

    [Fact]
    public async Task A_rotation_signs_with_a_new_key_and_the_old_one_verifies_until_its_tokens_have_ended()
    {
        using var node = await Node.StartAsync();
        var old = node.Tokens.Issue(Node.Ada).Text;
        var oldKey = node.Keys.Current.KeyId;

        await node.Keys.RotateAsync(CancellationToken.None);

        Assert.NotEqual(oldKey, node.Keys.Current.KeyId);
        Assert.Equal([oldKey, node.Keys.Current.KeyId], Published(node).Order(StringComparer.Ordinal).OrderBy(k => k != oldKey));
        Assert.NotNull(node.Tokens.Verify(old).Claims);
        Assert.NotNull(node.Tokens.Verify(node.Tokens.Issue(Node.Ada).Text).Claims);
        node.Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
        await node.Keys.RotateAsync(CancellationToken.None);
        Assert.DoesNotContain(oldKey, Published(node));
    }

    [Fact]
    public async Task The_next_key_is_published_a_day_before_it_signs()
    {
        using var node = await Node.StartAsync();
        var first = node.Keys.Current.KeyId;

        node.Clock.Advance(TimeSpan.FromDays(29) + TimeSpan.FromMinutes(2));
        await node.Keys.RefreshAsync(CancellationToken.None);

        Assert.Equal(2, Published(node).Length);
        Assert.Equal(first, node.Keys.Current.KeyId);
        node.Clock.Advance(TimeSpan.FromDays(1));
        Assert.NotEqual(first, node.Keys.Current.KeyId);
    }

    [Fact]
    public async Task Two_nodes_that_start_at_once_share_one_key()
    {
        var (documents, clock) = (new MemoryDocuments(), new FakeClock());

        var nodes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Node.StartAsync(documents, clock))));

        Assert.Single(nodes.Select(n => n.Keys.Current.KeyId).Distinct());
        foreach (var node in nodes) node.Dispose();
    }

    [Fact]
    public async Task Another_node_learns_of_a_new_key_by_itself()
    {
        using var one = await Node.StartAsync();
        using var other = await Node.StartAsync(one.Documents, one.Clock);
        one.Clock.Advance(TimeSpan.FromSeconds(2));
        await one.Keys.RotateAsync(CancellationToken.None);
        var token = one.Tokens.Issue(Node.Ada).Text;

        Assert.Null(other.Tokens.Verify(token).Claims);

        Assert.NotNull(other.Tokens.Verify(token).Claims);
    }

    [Fact]
    public async Task Unknown_key_ids_do_not_become_a_read_each()
    {
        using var node = await Node.StartAsync();
        node.Clock.Advance(TimeSpan.FromSeconds(2));
        var reads = node.Documents.Reads;

        for (var i = 0; i < 1000; i++) node.Keys.Find($"unknown-{i}");

        Assert.Equal(reads + 1, node.Documents.Reads);
    }

    [Fact]
    public async Task The_tokens_of_a_key_that_was_withdrawn_are_refused_at_once_and_another_key_signs()
    {
        using var node = await Node.StartAsync();
        var token = node.Tokens.Issue(Node.Ada).Text;
        Assert.NotNull(node.Tokens.Verify(token).Claims);
        var leaked = node.Keys.Current.KeyId;

        Assert.True(await node.Keys.WithdrawAsync(leaked, CancellationToken.None));

        Assert.Equal("The signature of the access token is not ours.", node.Tokens.Verify(token).Refusal);
        Assert.NotEqual(leaked, node.Keys.Current.KeyId);
        Assert.NotNull(node.Tokens.Verify(node.Tokens.Issue(Node.Ada).Text).Claims);
        Assert.False(await node.Keys.WithdrawAsync("unknown", CancellationToken.None));
    }

    [Fact]
    public async Task The_published_set_holds_no_private_part()
    {
        using var node = await Node.StartAsync();

        var key = JsonNode.Parse(node.Keys.Published())!["keys"]![0]!.AsObject();

        Assert.Equal(["kty", "crv", "use", "alg", "kid", "x", "y"], key.Select(m => m.Key));
        Assert.Equal("EC P-256 sig ES256", $"{key["kty"]} {key["crv"]} {key["use"]} {key["alg"]}");
    }

    [Fact]
    public async Task Private_keys_lie_open_only_where_there_is_no_field_protection_and_are_sealed_when_there_is()
    {
        using var open = await Node.StartAsync();
        var token = open.Tokens.Issue(Node.Ada).Text;
        var secret = System.Buffers.Text.Base64Url.EncodeToString(open.Keys.Current.Secret());
        Assert.Contains(secret, string.Join('\n', open.Documents.Texts), StringComparison.Ordinal);

        using var sealing = await Node.StartAsync(open.Documents, open.Clock, new XorProtection());

        Assert.NotNull(sealing.Tokens.Verify(token).Claims);
        Assert.DoesNotContain(secret, string.Join('\n', open.Documents.Texts), StringComparison.Ordinal);
        using var again = await Node.StartAsync(open.Documents, open.Clock, new XorProtection());
        Assert.NotNull(again.Tokens.Verify(token).Claims);
        var refusal = await Assert.ThrowsAsync<NexusException>(() => Node.StartAsync(open.Documents, open.Clock));
        Assert.Contains("stored encrypted", refusal.Message, StringComparison.Ordinal);
    }

    private static string[] Published(Node node) => [.. JsonNode.Parse(node.Keys.Published())!["keys"]!.AsArray().Select(k => (string)k!["kid"]!)];
}
