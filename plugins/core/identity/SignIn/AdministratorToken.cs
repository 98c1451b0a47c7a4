using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.SignIn;

/// <summary>
/// The token of the machine's own administrator: a file that only the user of this process can read (<c>{data}/run/admin.token</c>), new at each start,
/// taken from loopback only. Who can read the file could read the node's data too, so it gives away nothing; the command line reads it by itself.
/// </summary>
internal sealed class AdministratorToken(NodeFolders folders) : IDisposable
{
    /// <summary>With what the token begins.</summary>
    public const string Prefix = "nxa_";

    private static readonly SignedIn Administrator = new(new Caller("local", "Local administrator", [], [Roles.DefaultRoles.Admin]), CallContext.DefaultTenant, "local");
    private byte[]? token;

    /// <summary>Where it lies.</summary>
    public string File { get; } = Path.Combine(folders.Data, "run", "admin.token");

    /// <summary>Writes a new token.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var folder = Path.GetDirectoryName(File)!;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        // A file of its own with the right mode from its first byte, then in the place of the old one: nobody may hold it open from before.
        var fresh = $"{File}.{Guid.NewGuid():N}";
        await using (var stream = new FileStream(fresh, options)) await stream.WriteAsync(Encoding.ASCII.GetBytes(text), cancellationToken);
        System.IO.File.Move(fresh, File, overwrite: true);
        token = SHA256.HashData(Encoding.ASCII.GetBytes(text));
    }

    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken) => ValueTask.FromResult(Authenticate(credentials));

    /// <summary>Removes the file.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref token, null) is null) return;
        try
        {
            System.IO.File.Delete(File);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It opens nothing any more; the next start replaces it.
        }
    }

    private Authentication Authenticate(Credentials credentials)
    {
        var sent = BearerStrategy.Token(credentials.Authorization);
        if (!sent.StartsWith(Prefix, StringComparison.Ordinal)) return Authentication.NotMine;
        if (credentials.Address is { } address && !IPAddress.IsLoopback(address)) return Authentication.Refuse("The token of the local administrator is taken from this machine only.");
        return token is { } expected && CryptographicOperations.FixedTimeEquals(expected, SHA256.HashData(Encoding.UTF8.GetBytes(sent.ToString())))
            ? Authentication.Accept(Administrator)
            : Authentication.Refuse("The token of the local administrator is from an earlier start.");
    }
}
