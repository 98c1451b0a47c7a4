using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.UserInterface.People;

/// <summary>What the console keeps for the one who asks, on the server so that it follows them: each is one document.</summary>
internal sealed class PersonalDocuments
{
    private const int Tries = 10;
    private readonly IDocuments documents;
    private readonly string root;

    private PersonalDocuments(IDocuments documents, string person) =>
        // Ids of other issuers may hold anything; a digest is one segment of a path, whatever it is of.
        (this.documents, root) = (documents, $"people/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(person)).AsSpan(0, 16))}/");

    /// <summary>Those of the caller.</summary>
    /// <exception cref="NexusException"><c>AUTHENTICATION_REQUIRED</c>: nobody is signed in.</exception>
    public static PersonalDocuments Of(HttpContext context)
    {
        var caller = CallContext.Current.Caller;
        return ReferenceEquals(caller, Caller.Anonymous)
            ? throw new NexusException(ErrorCodes.AuthenticationRequired, "Sign in: what is kept here is kept for a person.")
            : new PersonalDocuments(context.RequestServices.GetRequiredService<IDocuments>(), caller.Id);
    }

    /// <summary>Forgets all of a person who is gone, as identity tells it. Whoever else publishes an event of this name takes nothing away.</summary>
    public static async Task ForgetAsync(IServiceProvider services, EventContext told, CancellationToken cancellationToken)
    {
        if (told.Message is not { Source: "core.identity", Key: { } person })
            return;
        var own = new PersonalDocuments(services.GetRequiredService<IDocuments>(), person);
        // What is deleted is still found until the handler's unit of work is committed: pages are passed, not emptied.
        for (string? cursor = null; ;)
        {
            var page = await own.documents.QueryAsync(new DocumentQuery { Prefix = own.root, Limit = 1000, Cursor = cursor }, cancellationToken);
            await own.documents.CommitAsync([.. page.Documents.Select(d => new DocumentWrite(d.Path, null, Delete: true))], cancellationToken: cancellationToken);
            if ((cursor = page.NextCursor) is null)
                return;
        }
    }

    /// <summary>The document of a name, or null.</summary>
    public async ValueTask<JsonNode?> FindAsync(string name, CancellationToken cancellationToken) => (await documents.FindAsync(root + name, cancellationToken))?.Value;

    /// <summary>Changes the document of a name: from what it is (null when there is none) to what it is to be. Runs again when somebody else was faster.</summary>
    /// <exception cref="StorageConflictException">Others kept changing it.</exception>
    public async ValueTask<JsonNode> ChangeAsync(string name, Func<JsonNode?, JsonNode> change, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var current = await documents.FindAsync(root + name, cancellationToken);
            var next = change(current?.Value);
            try
            {
                await documents.CommitAsync([new DocumentWrite(root + name, next, current?.Revision ?? 0)], cancellationToken: cancellationToken);
                return next;
            }
            catch (StorageConflictException) when (tries < Tries)
            {
                // Two windows of one person: look again.
            }
        }
    }
}
