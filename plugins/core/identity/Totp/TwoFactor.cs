using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Totp;

/// <summary>
/// The second factor of users: a secret shared with an authenticator application, and backup codes. A code works once, on whichever node it comes first,
/// because the step it belongs to is committed before the answer. Thread-safe.
/// </summary>
internal sealed class TwoFactor(IDocuments documents, TimeProvider time, IFieldProtection? protection = null)
{
    /// <summary>Number of backup codes.</summary>
    public const int BackupCodes = 10;

    /// <summary>Wrong codes in a row before the second factor is locked: with three codes good at a time, a guesser's chance stays below 1 in 30,000.</summary>
    private const int MaxFailures = 10;

    private static readonly TimeSpan LockTime = TimeSpan.FromMinutes(15);

    /// <summary>Whether a user must bring a second factor.</summary>
    public async ValueTask<bool> IsEnabledAsync(string user, CancellationToken cancellationToken = default) =>
        (await FindAsync(user, cancellationToken)).Stored is { EnabledAt: not null };

    /// <summary>How it stands with a user.</summary>
    public async ValueTask<(DateTimeOffset? EnabledAt, int BackupCodesLeft)> StateAsync(string user, CancellationToken cancellationToken = default) =>
        (await FindAsync(user, cancellationToken)).Stored is { } stored ? (stored.EnabledAt, stored.EnabledAt is null ? 0 : stored.Backup.Length) : (null, 0);

    /// <summary>Makes a secret that counts once a code of it was shown; begins anew when called again.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: it is enabled already.</exception>
    public async Task<byte[]> BeginAsync(string user, CancellationToken cancellationToken)
    {
        var secret = RandomNumberGenerator.GetBytes(OneTimeCode.SecretLength);
        var (kept, isSealed) = await SealAsync(user, secret, cancellationToken);
        await ChangeAsync(user, stored => stored is { EnabledAt: not null }
            ? throw new NexusException(ErrorCodes.Conflict, "Two-factor sign-in is enabled already; disable it first.")
            : new StoredSecondFactor(kept, isSealed, null, 0, []), cancellationToken);
        return secret;
    }

    /// <summary>Enables what was begun, when the code shows that the application has the secret, and returns the backup codes: this once.</summary>
    /// <returns>The backup codes, or null when the code is wrong.</returns>
    public async Task<ImmutableArray<string>?> ConfirmAsync(string user, string code, CancellationToken cancellationToken)
    {
        var codes = NewBackupCodes();
        var enabled = false;
        var secret = (await FindAsync(user, cancellationToken)).Stored is { } begun ? await OpenAsync(user, begun, cancellationToken) : throw NotBegun();
        await ChangeAsync(user, stored =>
        {
            if (stored is not { EnabledAt: null })
                throw NotBegun();
            enabled = OneTimeCode.Match(secret, Digits(code), time.GetUtcNow(), stored.LastStep) is { } step;
            return enabled ? stored with { EnabledAt = time.GetUtcNow(), LastStep = OneTimeCode.Match(secret, Digits(code), time.GetUtcNow(), stored.LastStep)!.Value, Backup = Hashes(user, codes) } : stored;
        }, cancellationToken);
        return enabled ? codes : null;
    }

    /// <summary>Uses a code of the application, or a backup code; neither works a second time.</summary>
    /// <exception cref="NexusException"><c>ACCOUNT_LOCKED</c>: too many wrong codes.</exception>
    public async Task<bool> UseAsync(string user, string code, CancellationToken cancellationToken)
    {
        var (found, _) = await FindAsync(user, cancellationToken);
        if (found is not { EnabledAt: not null })
            return false;
        var secret = await OpenAsync(user, found, cancellationToken);
        var isGood = false;
        await ChangeAsync(user, stored =>
        {
            var now = time.GetUtcNow();
            isGood = false;
            if (stored is not { EnabledAt: not null })
                return stored;
            if (stored.LockedUntil > now)
                throw new NexusException(ErrorCodes.AccountLocked, "Too many wrong codes; the second factor is locked for some minutes.");
            if (OneTimeCode.Match(secret, Digits(code), now, stored.LastStep) is { } step)
            {
                isGood = true;
                return stored with { LastStep = step, Failures = 0, LockedUntil = null };
            }

            var hash = Hash(user, code);
            if (stored.Backup.Contains(hash, StringComparer.Ordinal))
            {
                isGood = true;
                return stored with { Backup = stored.Backup.Remove(hash), Failures = 0, LockedUntil = null };
            }

            var failures = stored.Failures + 1;
            return failures < MaxFailures ? stored with { Failures = failures } : stored with { Failures = 0, LockedUntil = now + LockTime };
        }, cancellationToken);
        return isGood;
    }

    /// <summary>Replaces the backup codes, and returns the new ones: this once.</summary>
    public async Task<ImmutableArray<string>> RenewBackupCodesAsync(string user, CancellationToken cancellationToken)
    {
        var codes = NewBackupCodes();
        await ChangeAsync(user, stored => stored is { EnabledAt: not null } ? stored with { Backup = Hashes(user, codes) } : throw NotBegun(), cancellationToken);
        return codes;
    }

    /// <summary>Disables the second factor and forgets its secret. Who calls has checked that the user may.</summary>
    public Task DisableAsync(string user, CancellationToken cancellationToken) => ChangeAsync(user, _ => null, cancellationToken);

    private static NexusException NotBegun() => new(ErrorCodes.Conflict, "Two-factor sign-in is not enabled; begin with POST /api/v1/auth/2fa/enable.");

    /// <summary>People type codes in groups.</summary>
    private static string Digits(string code) => code.Replace(" ", "", StringComparison.Ordinal);

    /// <summary>80 random bits each: enough that a fast hash keeps them.</summary>
    private static ImmutableArray<string> NewBackupCodes()
    {
        var codes = ImmutableArray.CreateBuilder<string>(BackupCodes);
        for (var i = 0; i < BackupCodes; i++)
        {
            var text = OneTimeCode.ToBase32(RandomNumberGenerator.GetBytes(10)).ToLowerInvariant();
            codes.Add($"{text[..4]}-{text[4..8]}-{text[8..12]}-{text[12..]}");
        }

        return codes.DrainToImmutable();
    }

    private static ImmutableArray<string> Hashes(string user, ImmutableArray<string> codes) => [.. codes.Select(code => Hash(user, code))];

    private static string Hash(string user, string code) =>
        Tickets.Hash($"{user}\n{code.Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant()}");

    private static string Path(string user) => $"second-factors/{user}";

    private static string Place(string user) => $"{CallContext.DefaultTenant}/core.identity/{Path(user)}/secret";

    private async Task<(StoredSecondFactor? Stored, long Revision)> FindAsync(string user, CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.System;
        var document = await documents.FindAsync(Path(user), cancellationToken);
        return (document?.Value?.Deserialize(TotpJson.Default.StoredSecondFactor), document?.Revision ?? 0);
    }

    private async Task ChangeAsync(string user, Func<StoredSecondFactor?, StoredSecondFactor?> change, CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.System;
        while (true)
        {
            var (stored, revision) = await FindAsync(user, cancellationToken);
            var changed = change(stored);
            if (changed == stored)
                return;
            try
            {
                var value = changed is null ? null : JsonSerializer.SerializeToNode(changed, TotpJson.Default.StoredSecondFactor);
                await documents.CommitAsync([new DocumentWrite(Path(user), value, revision, Delete: changed is null)], cancellationToken: cancellationToken);
                return;
            }
            catch (StorageConflictException)
            {
                // Another request of the same user came in between: what it left decides, so that a code sent twice at once works once.
            }
        }
    }

    private async ValueTask<(string Secret, bool IsSealed)> SealAsync(string user, byte[] secret, CancellationToken cancellationToken)
    {
        try
        {
            if (protection is not null)
                return (await SealedText.SealAsync(protection, CallContext.DefaultTenant, secret, Place(user), cancellationToken), true);
        }
        catch (NexusException error) when (error.Code == ErrorCodes.ProtectionFailed)
        {
            // A node without a master key: a second factor whose secret lies open is better than none. The key ring's warning says so at the start.
        }

        return (Base64Url.EncodeToString(secret), false);
    }

    private async ValueTask<byte[]> OpenAsync(string user, StoredSecondFactor stored, CancellationToken cancellationToken)
    {
        if (!stored.IsSealed)
            return Base64Url.DecodeFromChars(stored.Secret);
        return protection is null
            ? throw new NexusException(ErrorCodes.ServiceUnavailable, "The second factor is stored encrypted and this node has no field protection to open it with.")
            : (await SealedText.OpenAsync(protection, CallContext.DefaultTenant, stored.Secret, Place(user), cancellationToken)).ToArray();
    }
}

/// <summary>A second factor as it is stored.</summary>
/// <param name="Secret">Base64url; a sealed text when there is a field protection.</param>
/// <param name="IsSealed">Whether it is.</param>
/// <param name="EnabledAt">Null until a code was shown.</param>
/// <param name="LastStep">Step of the last code that was used: none up to it is taken again.</param>
/// <param name="Backup">Hashes of the backup codes left.</param>
internal sealed record StoredSecondFactor(string Secret, bool IsSealed, DateTimeOffset? EnabledAt, long LastStep, ImmutableArray<string> Backup)
{
    /// <summary>Wrong codes since the last right one.</summary>
    public int Failures { get; init; }

    /// <summary>No code is taken before; null when not locked.</summary>
    public DateTimeOffset? LockedUntil { get; init; }
}
