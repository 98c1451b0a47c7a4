using Nexus.Core.Identity.Tests.Tokens;
using Nexus.Core.Identity.Totp;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests.Totp;

public sealed class TwoFactorTests
{
    private readonly FakeClock clock = new();
    private readonly MemoryDocuments documents = new();

    [Fact]
    public async Task A_secret_counts_once_a_code_of_it_was_shown()
    {
        var factor = new TwoFactor(documents, clock);
        var secret = await factor.BeginAsync("u1", default);
        Assert.False(await factor.IsEnabledAsync("u1"));
        Assert.Null(await factor.ConfirmAsync("u1", Wrong(secret), default));
        Assert.False(await factor.IsEnabledAsync("u1"));

        var codes = await factor.ConfirmAsync("u1", Code(secret), default);

        Assert.True(await factor.IsEnabledAsync("u1"));
        Assert.Equal(10, codes!.Value.Distinct().Count());
        Assert.All(codes.Value, code => Assert.Matches("^[a-z2-7]{4}(-[a-z2-7]{4}){3}$", code));
        Assert.False(await factor.IsEnabledAsync("u2"));
        await Assert.ThrowsAsync<NexusException>(() => factor.BeginAsync("u1", default));
    }

    [Fact]
    public async Task A_code_works_once_on_whichever_node_it_comes_first()
    {
        var (factor, secret, _) = await EnabledAsync();
        var nodes = Enumerable.Range(0, 8).Select(_ => new TwoFactor(documents, clock)).ToArray();
        clock.Advance(OneTimeCode.Step);
        var code = Code(secret);

        var answers = await Task.WhenAll(nodes.Select(node => Task.Run(() => node.UseAsync("u1", code, default))));

        Assert.Equal(1, answers.Count(good => good));
        Assert.False(await factor.UseAsync("u1", code, default));
        clock.Advance(OneTimeCode.Step);
        Assert.True(await factor.UseAsync("u1", Code(secret), default));
    }

    [Fact]
    public async Task The_code_that_enabled_the_factor_is_used_up()
    {
        var (factor, secret, _) = await EnabledAsync();

        Assert.False(await factor.UseAsync("u1", Code(secret), default));
    }

    [Fact]
    public async Task A_backup_code_works_once_however_it_is_typed()
    {
        var (factor, _, codes) = await EnabledAsync();

        Assert.True(await factor.UseAsync("u1", codes[3].ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal), default));

        Assert.False(await factor.UseAsync("u1", codes[3], default));
        Assert.True(await factor.UseAsync("u1", codes[4], default));
        Assert.Equal(8, (await factor.StateAsync("u1")).BackupCodesLeft);
    }

    [Fact]
    public async Task New_backup_codes_replace_the_old_ones()
    {
        var (factor, _, codes) = await EnabledAsync();

        var renewed = await factor.RenewBackupCodesAsync("u1", default);

        Assert.False(await factor.UseAsync("u1", codes[0], default));
        Assert.True(await factor.UseAsync("u1", renewed[0], default));
    }

    [Fact]
    public async Task Backup_codes_are_stored_as_hashes_that_differ_between_users()
    {
        var (_, _, codes) = await EnabledAsync();

        var stored = string.Join('\n', documents.Texts);

        Assert.All(codes, code => Assert.DoesNotContain(code.Replace("-", "", StringComparison.Ordinal), stored, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Ten_wrong_codes_lock_the_factor_for_a_quarter_of_an_hour_also_against_right_ones()
    {
        var (factor, secret, codes) = await EnabledAsync();
        clock.Advance(OneTimeCode.Step);
        for (var i = 0; i < 10; i++) Assert.False(await factor.UseAsync("u1", Wrong(secret), default));

        var locked = await Assert.ThrowsAsync<NexusException>(() => factor.UseAsync("u1", Code(secret), default));
        Assert.Equal("ACCOUNT_LOCKED", locked.Code);
        await Assert.ThrowsAsync<NexusException>(() => factor.UseAsync("u1", codes[0], default));

        clock.Advance(TimeSpan.FromMinutes(15));
        Assert.True(await factor.UseAsync("u1", Code(secret), default));
    }

    [Fact]
    public async Task A_right_code_forgives_the_wrong_ones_before_it()
    {
        var (factor, secret, _) = await EnabledAsync();
        for (var round = 0; round < 3; round++)
        {
            clock.Advance(OneTimeCode.Step);
            for (var i = 0; i < 9; i++) Assert.False(await factor.UseAsync("u1", Wrong(secret), default));
            Assert.True(await factor.UseAsync("u1", Code(secret), default));
        }
    }

    [Fact]
    public async Task A_disabled_factor_takes_no_code_and_can_be_begun_anew()
    {
        var (factor, secret, codes) = await EnabledAsync();

        await factor.DisableAsync("u1", default);

        Assert.False(await factor.IsEnabledAsync("u1"));
        clock.Advance(OneTimeCode.Step);
        Assert.False(await factor.UseAsync("u1", Code(secret), default));
        Assert.False(await factor.UseAsync("u1", codes[0], default));
        Assert.NotEqual(secret, await factor.BeginAsync("u1", default));
    }

    private async Task<(TwoFactor Factor, byte[] Secret, IReadOnlyList<string> Codes)> EnabledAsync()
    {
        var factor = new TwoFactor(documents, clock);
        var secret = await factor.BeginAsync("u1", default);
        return (factor, secret, (await factor.ConfirmAsync("u1", Code(secret), default))!.Value);
    }

    private string Code(byte[] secret) => OneTimeCode.Of(secret, OneTimeCode.StepOf(clock.GetUtcNow()));

    /// <summary>A code that is none of the three good ones.</summary>
    private string Wrong(byte[] secret)
    {
        var step = OneTimeCode.StepOf(clock.GetUtcNow());
        string[] good = [OneTimeCode.Of(secret, step - 1), OneTimeCode.Of(secret, step), OneTimeCode.Of(secret, step + 1)];
        return new[] { "000000", "111111", "222222", "333333" }.First(code => !good.Contains(code));
    }
}
