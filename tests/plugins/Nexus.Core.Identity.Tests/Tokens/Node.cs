using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Tokens;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.Tokens;

/// <summary>The token part of one node.</summary>
internal sealed class Node : IDisposable
{
    private Node(MemoryDocuments documents, FakeClock clock, IFieldProtection? protection, TokenOptions? signing)
    {
        (Documents, Clock) = (documents, clock);
        var options = Options.Create(signing ?? new TokenOptions());
        Keys = new KeyRing(documents, options, clock, NullLoggerFactory.Instance, protection);
        var identity = Options.Create(new IdentityOptions { Issuer = "https://nexus.example" });
        Tokens = new SignedTokens(Keys, identity, options, new SiteAddress(identity), clock);
    }

    public MemoryDocuments Documents { get; }

    public FakeClock Clock { get; }

    public KeyRing Keys { get; }

    public SignedTokens Tokens { get; }

    public static AccessClaims Ada { get; } = new() { Subject = "u1", Name = "Ada", Tenant = "default", SessionId = "s1", Roles = ["admin"], Scopes = ["openid", "finance.ledger.books:read"], ClientId = "mobile" };

    public static async Task<Node> StartAsync(MemoryDocuments? documents = null, FakeClock? clock = null, IFieldProtection? protection = null, TokenOptions? signing = null)
    {
        var node = new Node(documents ?? new MemoryDocuments(), clock ?? new FakeClock(), protection, signing);
        await node.Keys.StartAsync(CancellationToken.None);
        return node;
    }

    public void Dispose() => Keys.Dispose();
}
