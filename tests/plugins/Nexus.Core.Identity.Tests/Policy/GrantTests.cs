using Nexus.Core.Identity.Policy;

namespace Nexus.Core.Identity.Tests.Policy;

public sealed class GrantTests
{
    [Theory]
    [InlineData("orders:read", "shop.orders", "read", true)]
    [InlineData("orders:read", "shop.orders", "update", false)]
    [InlineData("orders:*", "shop.orders", "pay", true)]
    [InlineData("orders:*", "orders", "read", true)]
    [InlineData("orders:*", "shop.invoices", "read", false)]
    [InlineData("orders:*", "orders.lines", "read", false)]
    [InlineData("orders/*:read", "shop.orders", "read", true)]
    [InlineData("shop.orders:read", "shop.orders", "read", true)]
    [InlineData("shop.orders:read", "other.orders", "read", false)]
    [InlineData("shop.*:read", "shop.orders", "read", true)]
    [InlineData("shop.*:read", "shop.orders.lines", "read", true)]
    [InlineData("shop.*:read", "shop", "read", false)]
    [InlineData("shop.*:read", "shopping.orders", "read", false)]
    [InlineData("*.orders:read", "shop.orders", "read", true)]
    [InlineData("finance.*.books:read", "finance.ledger.books", "read", true)]
    [InlineData("finance.*.books:read", "finance.ledger.old.books", "read", false)]
    [InlineData("*:read", "shop.orders", "read", true)]
    [InlineData("*:read", "platform.users", "read", false)]
    [InlineData("*:read", "core.identity", "read", false)]
    [InlineData("*:*:own", "platform.users", "read", false)]
    [InlineData("users:read", "platform.users", "read", false)]
    [InlineData("*", "platform.users", "delete", true)]
    [InlineData("*:*", "platform.users", "delete", true)]
    [InlineData("platform.*:read", "platform.users", "read", true)]
    [InlineData("platform.*:read", "platform.users", "update", false)]
    [InlineData("read:plugins", "platform.plugins", "read", true)]
    [InlineData("read:plugins", "platform.plugins", "create", false)]
    [InlineData("write:plugins", "platform.plugins", "create", true)]
    [InlineData("events:emit", "platform.events", "create", true)]
    [InlineData("events:subscribe", "platform.events", "create", false)]
    [InlineData("admin:system", "platform.config", "update", true)]
    [InlineData("admin:system", "shop.orders", "read", false)]
    public void A_grant_covers_what_its_pattern_says(string grant, string resource, string action, bool covered) =>
        Assert.Equal(covered, Grant.Parse(grant).Any(g => g.Covers(resource, action)));

    [Theory]
    [InlineData("")]
    [InlineData("orders")]
    [InlineData(":read")]
    [InlineData("orders:")]
    [InlineData("orders:read:mine")]
    [InlineData("orders:read:own:x")]
    [InlineData("Orders:read")]
    [InlineData("orders:re ad")]
    [InlineData("a..b:read")]
    [InlineData("ord*:read")]
    [InlineData("orders:read\n")]
    [InlineData("órders:read")]
    public void Texts_that_are_no_grant_grant_nothing(string text) => Assert.Empty(Grant.Parse(text));

    [Theory]
    [InlineData("*", "platform.users:delete", true)]
    [InlineData("*", "*", true)]
    [InlineData("*:read", "*", false)]
    [InlineData("*:read", "orders:read", true)]
    [InlineData("*:read", "platform.users:read", false)]
    [InlineData("*:read:own", "orders:read", false)]
    [InlineData("*:*:own", "orders:read:own", true)]
    [InlineData("platform.*:*", "platform.users:read", true)]
    [InlineData("platform.*:read", "platform.users:*", false)]
    [InlineData("platform.users:*", "platform.*:read", false)]
    [InlineData("shop.orders:*", "orders:read", false)]
    [InlineData("orders:*", "shop.orders:read", true)]
    [InlineData("orders:*", "*.orders:read", false)]
    public void Who_has_one_grant_has_another_only_when_it_is_no_wider(string held, string asked, bool has) =>
        Assert.Equal(has, Assert.Single(Grant.Parse(held)).Covers(Assert.Single(Grant.Parse(asked))));
}
