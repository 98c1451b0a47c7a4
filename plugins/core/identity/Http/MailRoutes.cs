using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Core.Identity.Mail;

namespace Nexus.Core.Identity.Http;

/// <summary>Routes of letters that could not be delivered, for administrators of the node.</summary>
internal static class MailRoutes
{
    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/mail/dead-letters", ListAsync).WithSummary("Letters that could not be delivered").RequireAuthorization("platform.mail:read").Produces<ListView<DeadLetter>>();
        routes.MapPost("~/api/v1/mail/dead-letters/{id}/retry", RetryAsync).WithSummary("Send a dead letter again").RequireAuthorization("platform.mail:update").Produces<MessageView>(202);
        routes.MapDelete("~/api/v1/mail/dead-letters/{id}", DeleteAsync).WithSummary("Remove a dead letter").RequireAuthorization("platform.mail:delete").Produces(204);
    }

    private static async Task<IResult> ListAsync(HttpContext context, [FromServices] DeadLetters letters) =>
        Asking.Answer(context, new ListView<DeadLetter>(await letters.ListAsync(context.RequestAborted)), IdentityJson.Default.ListViewDeadLetter);

    private static async Task<IResult> RetryAsync(HttpContext context, string id, [FromServices] DeadLetters letters) =>
        await letters.RetryAsync(id, context.RequestAborted) ? Asking.Answer(context, new MessageView("The letter is on its way again."), IdentityJson.Default.MessageView, 202) : throw Missing(id);

    private static async Task<IResult> DeleteAsync(HttpContext context, string id, [FromServices] DeadLetters letters) =>
        await letters.DeleteAsync(id, context.RequestAborted) ? Results.NoContent() : throw Missing(id);

    private static NexusException Missing(string id) => new(ErrorCodes.ResourceNotFound, $"There is no dead letter {id}.");
}
