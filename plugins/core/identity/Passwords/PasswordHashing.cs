using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Passwords;

/// <summary>Hashes and compares passwords beside the request threads, no more at once than there are processors: a flood of sign-ins waits in line and takes neither all memory nor all threads. Thread-safe.</summary>
internal sealed class PasswordHashing : IDisposable
{
    private readonly ImmutableArray<IPasswordHash> methods;
    private readonly SemaphoreSlim turns = new(Environment.ProcessorCount, Environment.ProcessorCount);
    private readonly Lazy<string> nobody;

    /// <summary>Hashes with the first method and verifies with any.</summary>
    public PasswordHashing(params ImmutableArray<IPasswordHash> methods)
    {
        this.methods = methods;
        nobody = new Lazy<string>(() => methods[0].Hash(RandomNumberGenerator.GetBytes(32)));
    }

    /// <summary>The best method of this machine, and the others for older hashes.</summary>
    public static PasswordHashing Default() => Argon2id.IsAvailable ? new(new Argon2id(), new Pbkdf2()) : new(new Pbkdf2());

    public Task<string> HashAsync(string password, CancellationToken cancellationToken) => InTurnAsync(() => methods[0].Hash(Bytes(password)), cancellationToken);

    /// <summary>Whether a password is the one of a hash. Without a hash (there is no such user, or one without a password) it does the same work and says no.</summary>
    public Task<bool> VerifyAsync(string? encoded, string password, CancellationToken cancellationToken) => InTurnAsync(() =>
    {
        var known = encoded is not null;
        var hash = encoded ?? nobody.Value;
        return methods.FirstOrDefault(m => m.Made(hash)) is { } method && method.Verify(Bytes(password), hash) && known;
    }, cancellationToken);

    /// <summary>Whether a hash should be made again from the password just verified.</summary>
    public bool IsDated(string encoded) => !methods[0].Made(encoded) || methods[0].IsDated(encoded);

    public void Dispose() => turns.Dispose();

    private static byte[] Bytes(string password) => Encoding.UTF8.GetBytes(Normal(password));

    // The same password typed on another keyboard may arrive composed differently (RFC 8265, section 4.2.2).
    private static string Normal(string password)
    {
        try
        {
            return password.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return password;
        }
    }

    private async Task<T> InTurnAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await turns.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(work, CancellationToken.None);
        }
        finally
        {
            turns.Release();
        }
    }
}
