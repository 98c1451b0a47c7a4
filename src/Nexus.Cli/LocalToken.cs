using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli;

/// <summary>
/// The token of this machine's administrator, which a host keeps in a file that only its own user can read: so that whoever runs a host needs no sign-in to manage it.
/// The host says where the file is. It is read only from such a place and sent only when it has the form of such a token, so that a program which poses as a host gets no other file's content.
/// </summary>
internal static class LocalToken
{
    private const string Prefix = "nxa_";
    private const int Length = 47;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>The token, or null: the host is on another machine, has no identity, or the file is another user's.</summary>
    public static async Task<string?> FindAsync(HttpClient client, Uri host, CancellationToken cancellationToken)
    {
        if (!host.IsLoopback) return null;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Patience);
            using var response = await client.GetAsync("/api/v1/auth/status", limit.Token);
            if (!response.IsSuccessStatusCode || JsonNode.Parse(await response.Content.ReadAsStringAsync(limit.Token)) is not JsonObject status || (string?)status["localTokenFile"] is not { } file) return null;
            if (!Path.IsPathFullyQualified(file) || !file.EndsWith(Path.Combine("run", "admin.token"), StringComparison.Ordinal) || new FileInfo(file) is not { Exists: true, Length: Length }) return null;
            var text = await File.ReadAllTextAsync(file, limit.Token);
            return text.StartsWith(Prefix, StringComparison.Ordinal) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? text : null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or JsonException or InvalidOperationException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // The command itself will say what is wrong with the host.
            return null;
        }
    }
}
