using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Nexus;

namespace Users;

/// <summary>First of three plugins that know nothing of each other: users → e-mail → analytics, joined by events.</summary>
public sealed class UsersPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddOptions<UsersOptions>();
        plugin.AddResource<User>("users", users => users.Unique(u => u.Email));
        plugin.MapEndpoints(routes =>
        {
            routes.MapPost("/register", RegisterAsync);
            routes.MapPost("/verify", VerifyAsync);
        });
    }

    // One unit of work: a registration that is refused, because the address is taken, has published nothing.
    private static async Task<IResult> RegisterAsync(Registration registration, [AsParameters] Register register, CancellationToken cancellationToken)
    {
        // Read at each request, so that a change of the settings holds from the next one on.
        var rules = register.Options.CurrentValue;
        // Counted before the unit: of two who come for the last place at the same moment both get it.
        if ((await register.Users.ListAsync(new ResourceQuery { Limit = 1, Count = true }, cancellationToken)).Total >= rules.MaxUsers)
            throw new RuleViolationException($"There are {rules.MaxUsers} users already, which is the most that plugins.users.maxUsers allows.");
        var user = await register.Unit.RunAsync(async token =>
        {
            await register.Events.PublishAsync(new RegistrationStarted(registration.Email), cancellationToken: token);
            var created = await register.Users.CreateAsync(new User(registration.Name, registration.Email, Verified: !rules.EmailVerification), token);
            if (rules.EmailVerification)
            {
                var code = RandomNumberGenerator.GetHexString(16, lowercase: true);
                await register.Documents.CommitAsync([new DocumentWrite($"codes/{code}", JsonValue.Create(created.Id.ToString()), ExpectedRevision: 0)], cancellationToken: token);
                await register.Events.PublishAsync(new VerificationAsked(created.Id, created.Name, created.Email, code), cancellationToken: token);
            }
            else
            {
                await register.Events.PublishAsync(new UserCreated(created.Id, created.Name, created.Email), cancellationToken: token);
            }

            return created;
        }, cancellationToken);
        return Results.Created($"/api/business/users/users/{user.Id}", new { id = user.Id, verified = user.Verified });
    }

    // Whoever has the code got the mail, so the address is theirs; a code works once.
    private static async Task<IResult> VerifyAsync(Verification verification, [AsParameters] Register register, CancellationToken cancellationToken)
    {
        var user = await register.Unit.RunAsync(async token =>
        {
            var code = verification.Code is { Length: 16 } sent && sent.All(char.IsAsciiHexDigitLower) ? await register.Documents.FindAsync($"codes/{sent}", token) : null;
            if (code is null)
                throw new RuleViolationException("This code is wrong or was used.");
            var found = await register.Users.GetAsync(Guid.Parse((string)code.Value!), token);
            await register.Documents.CommitAsync([new DocumentWrite(code.Path, null, code.Revision, Delete: true)], cancellationToken: token);
            await register.Events.PublishAsync(new UserCreated(found.Id, found.Name, found.Email), cancellationToken: token);
            return await register.Users.UpdateAsync(found with { Verified = true }, token);
        }, cancellationToken);
        return Results.Ok(new { id = user.Id, verified = user.Verified });
    }

    /// <summary>What both handlers use.</summary>
    public sealed record Register(IOptionsMonitor<UsersOptions> Options, IUnitOfWork Unit, IRepository<User> Users, IDocuments Documents, IEvents Events);
}

/// <summary>Section <c>plugins.users</c>; its form and its texts for people stand in the manifest.</summary>
public sealed class UsersOptions
{
    public int MaxUsers { get; set; } = 1000;

    public bool EmailVerification { get; set; }
}

public sealed record User([property: StringLength(100, MinimumLength = 1)] string Name, [property: StringLength(200, MinimumLength = 3), RegularExpression(@"[^@\s]+@[^@\s]+")] string Email, bool Verified = true) : Resource;

public sealed record Registration(string Name, string Email);

public sealed record Verification(string Code);

[Event("user.registration.started")]
public sealed record RegistrationStarted(string Email);

[Event("user.verification.asked")]
public sealed record VerificationAsked(Guid UserId, string Name, string Email, string Code);

[Event("user.created")]
public sealed record UserCreated(Guid UserId, string Name, string Email);
