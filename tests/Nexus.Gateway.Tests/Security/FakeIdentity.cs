using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

/// <summary>A plugin that brings a bearer, a cookie and a key strategy over a table of tokens, and a policy over a table of permissions by role.</summary>
internal sealed class FakeIdentity
{
    private readonly Dictionary<string, SignedIn> tokens = [];
    private readonly HashSet<(string Role, string Permission)> grants = [];

    /// <summary>Decisions asked so far.</summary>
    public int Asked { get; private set; }

    public FakeGeneration Lease { get; } = new();

    public Func<ValueTask>? Before { get; set; }

    public FakeIdentity Token(string token, string id, params string[] roles) =>
        Token(token, new SignedIn(new Caller(id, id, [], [.. roles]), "default", "bearer"));

    public FakeIdentity Token(string token, SignedIn signedIn)
    {
        tokens[token] = signedIn;
        return this;
    }

    public FakeIdentity Grant(string role, params string[] permissions)
    {
        foreach (var permission in permissions)
            grants.Add((role, permission));
        return this;
    }

    public FakeIdentity Ungrant(string role, string permission)
    {
        grants.Remove((role, permission));
        return this;
    }

    public FakeIdentity Revoke(string token)
    {
        tokens.Remove(token);
        return this;
    }

    public ActivePlugin Plugin(string id = "core.identity", params (string Method, string Pattern, RequestDelegate Handler)[] endpoints) => FakePlugins.Plugin(id, Lease, endpoints) with
    {
        Authentication =
        [
            new("bearer", 0, (credentials, token) => FindAsync(credentials.Authorization is ['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var given] ? given : null)),
            new("apikey", 10, (credentials, _) => FindAsync(credentials.ApiKey)),
            new("cookie", 20, (credentials, _) => FindAsync(credentials.Cookie)),
        ],
        Authorization = new(DecideAsync),
    };

    private async ValueTask<Authentication> FindAsync(string? token)
    {
        if (token is null)
            return Authentication.NotMine;
        if (Before is { } before)
            await before();
        return tokens.TryGetValue(token, out var found) ? Authentication.Accept(found) : Authentication.Refuse("The token is not valid.");
    }

    private ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        Asked++;
        return ValueTask.FromResult(context.Caller.Roles.Contains("administrator") || context.Caller.Roles.Any(r => grants.Contains((r, permission)))
            ? new AccessDecision(AccessScope.All, "A role has it.")
            : new AccessDecision(AccessScope.None, "No role has it."));
    }
}
