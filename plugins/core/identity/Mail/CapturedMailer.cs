using System.Globalization;
using System.Text;

namespace Nexus.Core.Identity.Mail;

/// <summary>Keeps letters as files of the node (<c>{data}/mail/*.eml</c>, readable by its own user), for development and for nodes without a mail server. The newest thousand stay.</summary>
internal sealed class CapturedMailer(string folder, TimeProvider time) : IMailer
{
    private const int Kept = 1_000;

    public async Task SendAsync(Letter letter, string id, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var now = time.GetUtcNow();
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"Date: {now:r}\r\nTo: {letter.To}\r\nSubject: {letter.Subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
            .Append(letter.Text.ReplaceLineEndings("\r\n")).Append("\r\n");
        var file = Path.Combine(folder, $"{id}.eml");
        await File.WriteAllTextAsync(file + ".part", text.ToString(), cancellationToken);
        File.Move(file + ".part", file, overwrite: true);
        foreach (var old in Directory.GetFiles(folder, "*.eml").Order(StringComparer.Ordinal).SkipLast(Kept)) File.Delete(old);
    }
}
