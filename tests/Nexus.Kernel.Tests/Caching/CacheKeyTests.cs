namespace Nexus.Kernel.Tests.Caching;

public sealed class CacheKeyTests
{
    [Theory]
    [InlineData("user", "profile", "123", "v1", "nexus:user:profile:123:v1")]
    [InlineData("transaction", "list", "user_123", "2024-01", "nexus:transaction:list:user_123:2024-01")]
    [InlineData("analytics", "dashboard", "user_123", "monthly", "nexus:analytics:dashboard:user_123:monthly")]
    [InlineData("user", "profile", "a:b*{c}", "é", "nexus:user:profile:a%3Ab%2A%7Bc%7D:%C3%A9")]
    public void A_key_is_written_as_the_grammar_says(string service, string entity, string id, string discriminator, string expected)
    {
        Assert.Equal(expected, CacheKey.Of(service, entity, id, discriminator).Text);
        Assert.True(CacheKey.TryParse(expected, out var read));
        Assert.Equal(expected, read.Text);
        Assert.Equal(service, read.Service);
    }

    [Theory]
    [InlineData("nexus:user:profile:123")]
    [InlineData("nexus:user:profile:123:v1:more")]
    [InlineData("nexus:user::123:v1")]
    [InlineData("nexus:user:profile:1 2:v1")]
    [InlineData("other:user:profile:123:v1")]
    [InlineData("")]
    public void What_breaks_the_grammar_is_no_key(string text) => Assert.False(CacheKey.TryParse(text, out _));

    [Fact]
    public void Empty_parts_long_keys_and_the_platforms_own_entities_are_refused()
    {
        Assert.Equal("CACHE_KEY_INVALID", Assert.Throws<NexusException>(() => CacheKey.Of("profile", "", "v1")).Code);
        Assert.Equal("CACHE_KEY_INVALID", Assert.Throws<NexusException>(() => CacheKey.Of("profile", new string('x', 400), "v1")).Code);
        Assert.Equal("CACHE_KEY_INVALID", Assert.Throws<NexusException>(() => CacheKey.Of("~tag", "1", "v1")).Code);
    }
}
