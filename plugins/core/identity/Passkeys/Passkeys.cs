using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;
using FrameworkOptions = Microsoft.AspNetCore.Identity.IdentityOptions;

namespace Nexus.Core.Identity.Passkeys;

/// <summary>
/// Passkeys (WebAuthn level 3) by the framework's own handler. The private key stays in the user's device, which also checks who holds it
/// (user verification is required), so that a passkey is both factors at once. Challenges are kept on the server and work once.
/// </summary>
internal sealed class Passkeys : IDisposable
{
    private const string Kind = "passkeys";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly PasskeyStore store;
    private readonly Tickets tickets;
    private readonly UserManager<User> framework;
    private readonly SiteAddress site;

    public Passkeys(PasskeyStore store, Tickets tickets, SiteAddress site)
    {
        (this.store, this.tickets, this.site) = (store, tickets, site);
        framework = new UserManager<User>(store, Options.Create(new FrameworkOptions()), null!, [], [], null!, new IdentityErrorDescriber(), null!, NullLogger<UserManager<User>>.Instance);
    }

    /// <summary>Begins the registration of a passkey: what the browser hands to <c>navigator.credentials.create</c>.</summary>
    public async Task<PasskeyOptions> BeginRegistrationAsync(User user, HttpContext context)
    {
        var made = await Handler(context).MakeCreationOptionsAsync(new PasskeyUserEntity { Id = user.Id, Name = user.UserName, DisplayName = user.DisplayName }, context);
        return await KeepAsync("create", user.Id, made.AttestationState, made.CreationOptionsJson, context);
    }

    /// <summary>Completes a registration.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>.</exception>
    public async Task<StoredPasskey> RegisterAsync(User user, string? state, string credential, string? name, HttpContext context)
    {
        var pending = await tickets.TakeAsync(Kind, state, PasskeyJson.Default.PendingPasskey, context.RequestAborted);
        if (pending is not { Ceremony: "create" } || pending.User != user.Id)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The registration is over or not this user's; begin again.");
        var result = await Handler(context).PerformAttestationAsync(new PasskeyAttestationContext { CredentialJson = credential, AttestationState = pending.State, HttpContext = context });
        if (!result.Succeeded)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The passkey is refused.", result.Failure);
        if (!result.Passkey.IsUserVerified)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The device did not check who holds it.");
        result.Passkey.Name = name;
        try
        {
            await store.AddOrUpdatePasskeyAsync(user, result.Passkey, context.RequestAborted);
        }
        catch (StorageConflictException)
        {
            throw new NexusException(ErrorCodes.UniqueViolation, "The passkey is registered already.");
        }

        return StoredPasskey.From(result.Passkey, user);
    }

    /// <summary>Begins a sign-in: what the browser hands to <c>navigator.credentials.get</c>. Names nobody: the device offers the passkeys it has for this site, so that nobody learns who has an account.</summary>
    public async Task<PasskeyOptions> BeginSignInAsync(HttpContext context)
    {
        var made = await Handler(context).MakeRequestOptionsAsync(null, context);
        return await KeepAsync("get", null, made.AssertionState, made.RequestOptionsJson, context);
    }

    /// <summary>Completes a sign-in: whose passkey it is.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>, <c>ACCOUNT_DISABLED</c>.</exception>
    public async Task<User> SignInAsync(string? state, string credential, HttpContext context)
    {
        var pending = await tickets.TakeAsync(Kind, state, PasskeyJson.Default.PendingPasskey, context.RequestAborted);
        if (pending is not { Ceremony: "get" })
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The sign-in is over; begin again.");
        var result = await Handler(context).PerformAssertionAsync(new PasskeyAssertionContext { CredentialJson = credential, AssertionState = pending.State, HttpContext = context });
        if (!result.Succeeded)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The passkey is refused.", result.Failure);
        if (result.User.Disabled)
            throw new NexusException(ErrorCodes.AccountDisabled, "An administrator has disabled this account.");
        // The handler has compared the counter of the device with the stored one; what it counts now is stored, so that a copy of the key is found out.
        await store.AddOrUpdatePasskeyAsync(result.User, result.Passkey, context.RequestAborted);
        return result.User;
    }

    /// <inheritdoc/>
    public void Dispose() => framework.Dispose();

    // One for each request: the site may have several names, and a passkey is of the one at which it was made.
    private PasskeyHandler<User> Handler(HttpContext context)
    {
        var address = new Uri(site.Of(context));
        var origin = address.GetLeftPart(UriPartial.Authority);
        return new PasskeyHandler<User>(framework, Options.Create(new IdentityPasskeyOptions
        {
            UserVerificationRequirement = "required",
            ResidentKeyRequirement = "required",
            AttestationConveyancePreference = "none",
            ServerDomain = address.Host,
            ValidateOrigin = said => ValueTask.FromResult(!said.CrossOrigin && said.Origin == origin),
        }));
    }

    private async Task<PasskeyOptions> KeepAsync(string ceremony, string? user, string? state, string options, HttpContext context) => new(
        await tickets.IssueAsync(Kind, new PendingPasskey(ceremony, user, state ?? ""), Patience, PasskeyJson.Default.PendingPasskey, context.RequestAborted),
        JsonNode.Parse(options)!);
}

/// <summary>A ceremony that is under way.</summary>
internal sealed record PendingPasskey(string Ceremony, string? User, string State);

/// <summary>What a browser needs for a ceremony.</summary>
/// <param name="State">Comes back with the device's answer.</param>
/// <param name="Options">For <c>PublicKeyCredential.parse…OptionsFromJSON</c>.</param>
internal sealed record PasskeyOptions(string State, JsonNode Options);
