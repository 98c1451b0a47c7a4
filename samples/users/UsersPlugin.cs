using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Nexus;

namespace Users;

/// <summary>First of three plugins that know nothing of each other: users → e-mail → analytics, joined by events.</summary>
public sealed class UsersPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<User>("users", users => users.Unique(u => u.Email));
        plugin.MapEndpoints(routes => routes.MapPost("/register", RegisterAsync));
    }

    // One unit of work: a registration that is refused, because the address is taken, has published nothing.
    private static async Task<IResult> RegisterAsync(Registration registration, IUnitOfWork unit, IRepository<User> users, IEvents events, CancellationToken cancellationToken)
    {
        var user = await unit.RunAsync(async token =>
        {
            await events.PublishAsync(new RegistrationStarted(registration.Email), cancellationToken: token);
            var created = await users.CreateAsync(new User(registration.Name, registration.Email), token);
            await events.PublishAsync(new UserCreated(created.Id, created.Name, created.Email), cancellationToken: token);
            return created;
        }, cancellationToken);
        return Results.Created($"/api/business/users/users/{user.Id}", new { id = user.Id });
    }
}

public sealed record User([property: StringLength(100, MinimumLength = 1)] string Name, [property: StringLength(200, MinimumLength = 3), RegularExpression(@"[^@\s]+@[^@\s]+")] string Email) : Resource;

public sealed record Registration(string Name, string Email);

[Event("user.registration.started")]
public sealed record RegistrationStarted(string Email);

[Event("user.created")]
public sealed record UserCreated(Guid UserId, string Name, string Email);
