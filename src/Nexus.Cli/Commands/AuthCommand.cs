using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus auth</c>: who may do what, users, roles, keys and sign-in sessions.</summary>
internal static class AuthCommand
{
    public static Command Build() => new("auth", "Who may do what: users, roles, keys, sign-in sessions")
    {
        Can(), WhoAmI(), Users(), Roles(), Keys(), Sessions(), Clients(), SigningKeys(), SignInCommands.BuildLogin(), SignInCommands.BuildLogout(),
    };

    private static Command Can()
    {
        var user = new Argument<string>("user") { Description = "Name, e-mail address or id" };
        var resource = new Argument<string>("resource") { Description = "Such as orders, shop.orders or platform.users" };
        var action = new Argument<string>("action") { Description = "Such as read, create, update, delete" };
        var command = new Command("can", "May a user do this? Says which role or policy decides; exit code 1 when not") { user, resource, action };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.PostAsync("/api/v1/auth/check-permissions", new JsonObject { ["user"] = call.GetValue(user), ["resource"] = call.GetValue(resource), ["action"] = call.GetValue(action) }, cancel);
            Output.Print(call, answer, found => Console.WriteLine($"{((bool)found!["allowed"]! ? "yes" : "no")}, {found["scope"]}: {found["reason"]}"));
            return (bool?)answer?["allowed"] == true ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static Command WhoAmI() => Reading("whoami", "Who the command line is for the host", "/api/v1/auth/me", Output.Text);

    private static Command Users()
    {
        var list = Reading("list", "List users", "/api/v1/users?limit=1000", found => Output.Table(found!["items"], Output.Column("NAME", "username"), Output.Column("EMAIL", "email"), Output.Column("STATUS", "status"), Output.Column("ROLES", "effectiveRoles"), Output.Column("ID", "id")));
        var name = new Argument<string>("name") { Description = "Name to sign in with" };
        var email = new Option<string?>("--email") { Description = "E-mail address" };
        var roles = new Option<string[]>("--role") { Description = "A role; may be repeated" };
        var password = new Option<string?>("--password") { Description = "First password, which must be changed; without one the user sets it by mail" };
        var add = new Command("add", "Make a user") { name, email, roles, password };
        add.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["username"] = call.GetValue(name), ["email"] = call.GetValue(email), ["password"] = call.GetValue(password), ["mustChangePassword"] = call.GetValue(password) is not null };
            if (call.GetValue(roles) is { Length: > 0 } given) body["roles"] = new JsonArray([.. given.Select(r => (JsonNode)r)]);
            return Output.Print(call, await host.PostAsync("/api/v1/users", body, cancel), Output.Text);
        });
        return new Command("users", "Manage users") { list, add, Naming("delete", "Delete a user with its sessions and keys", "Name or id", HttpMethod.Delete, "/api/v1/users/{0}"), Naming("unlock", "Open an account that wrong passwords locked", "Name or id", HttpMethod.Post, "/api/v1/users/{0}/unlock"), Role("grant", "Give a user a role", HttpMethod.Post), Role("revoke", "Take a role from a user", HttpMethod.Delete) };
    }

    private static Command Roles()
    {
        var list = Reading("list", "List roles", "/api/v1/roles", found => Output.Table(found!["items"], Output.Column("NAME", "name"), Output.Column("PERMISSIONS", "permissions"), Output.Column("INHERITS", "inherits"), Output.Column("DESCRIPTION", "description")));
        var name = new Argument<string>("name") { Description = "Its name" };
        var permissions = new Option<string[]>("--permission") { Description = "resource:action[:own|team|all]; may be repeated" };
        var inherits = new Option<string[]>("--inherits") { Description = "A role whose permissions it has too; may be repeated" };
        var add = new Command("add", "Make a role") { name, permissions, inherits };
        add.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/roles", new JsonObject { ["name"] = call.GetValue(name), ["permissions"] = Texts(call.GetValue(permissions)), ["inherits"] = Texts(call.GetValue(inherits)) }, cancel), Output.Text);
        });
        return new Command("roles", "Manage roles") { list, add, Naming("delete", "Delete a role; who has it loses it", "Its name", HttpMethod.Delete, "/api/v1/roles/{0}") };
    }

    private static Command Keys()
    {
        var list = Reading("list", "List keys", "/api/v1/api-keys", found => Output.Table(found!["items"], Output.Column("NAME", "name"), Output.Column("PREVIEW", "preview"), Output.Column("SCOPES", "scopes"), Output.Column("LAST USED", "last_used"), Output.Column("EXPIRES", "expires_at"), Output.Column("ID", "id")));
        var name = new Argument<string>("name") { Description = "What the key is for" };
        var scopes = new Option<string[]>("--scope") { Description = "Such as read:plugins or orders:read; may be repeated; without one the key may do nothing" };
        var days = new Option<int?>("--days") { Description = "Days until it expires" };
        var user = new Option<string?>("--user") { Description = "Whose rights it has; you when absent" };
        var add = new Command("create", "Make a key and print it, this once") { name, scopes, days, user };
        add.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["name"] = call.GetValue(name), ["scopes"] = Texts(call.GetValue(scopes)), ["expiresInDays"] = call.GetValue(days), ["user"] = call.GetValue(user) };
            return Output.Print(call, await host.PostAsync("/api/v1/api-keys", body, cancel), found => Console.WriteLine((string?)found!["key"]));
        });
        return new Command("keys", "Manage keys of programs") { list, add, Naming("revoke", "Revoke a key", "Its id", HttpMethod.Delete, "/api/v1/api-keys/{0}") };
    }

    private static Command Sessions() => new("sessions", "Manage the own sign-in sessions")
    {
        Reading("list", "List them", "/api/v1/auth/sessions", found => Output.Table(found!["items"], Output.Column("ID", "id"), Output.Column("METHOD", "method"), Output.Column("ADDRESS", "address"), Output.Column("LAST USED", "lastUsedAt"), Output.Column("CURRENT", "current"))),
        Naming("end", "End one", "Its id", HttpMethod.Delete, "/api/v1/auth/sessions/{0}"),
    };

    private static Command Clients()
    {
        var list = Reading("list", "List clients", "/api/v1/auth/clients", found => Output.Table(found!["items"], Output.Column("ID", "id"), Output.Column("NAME", "name"), Output.Column("REDIRECTS", "redirectUris"), Output.Column("SCOPES", "scopes"), Output.Column("TRUSTED", "trusted")));
        var name = new Argument<string>("name") { Description = "Name that users see" };
        var id = new Option<string?>("--id") { Description = "Its id; made up when absent" };
        var redirects = new Option<string[]>("--redirect") { Description = "Address that codes may be sent to; may be repeated", Required = true };
        var logouts = new Option<string[]>("--logout-redirect") { Description = "Address that browsers may go to after signing out; may be repeated" };
        var scopes = new Option<string[]>("--scope") { Description = "A permission it may ask for; may be repeated" };
        var trusted = new Option<bool>("--trusted") { Description = "One of your own programs: users are not asked for consent, and it may ask for the scope api" };
        var add = new Command("add", "Register a program that signs users in here (OpenID Connect, code with PKCE)") { name, id, redirects, logouts, scopes, trusted };
        add.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["id"] = call.GetValue(id), ["name"] = call.GetValue(name), ["redirectUris"] = Texts(call.GetValue(redirects)), ["postLogoutRedirectUris"] = Texts(call.GetValue(logouts)), ["scopes"] = Texts(call.GetValue(scopes)), ["trusted"] = call.GetValue(trusted) };
            return Output.Print(call, await host.PostAsync("/api/v1/auth/clients", body, cancel), Output.Text);
        });
        return new Command("clients", "Manage programs that sign users in here") { list, add, Naming("remove", "Remove a client", "Its id", HttpMethod.Delete, "/api/v1/auth/clients/{0}") };
    }

    private static Command SigningKeys()
    {
        var rotate = new Command("rotate", "Sign tokens with a new key from now on; those of the old one stay good until they end");
        rotate.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/auth/keys/rotate", new JsonObject(), cancel), Show);
        });
        return new Command("signing-keys", "Manage the keys that sign tokens")
        {
            Reading("list", "List them, the newest last", "/.well-known/jwks.json", Show), rotate, Naming("withdraw", "Refuse every token of a key from now on, as when it leaked", "Its id", HttpMethod.Delete, "/api/v1/auth/keys/{0}"),
        };

        static void Show(JsonNode? found) => Output.Table(found!["keys"], Output.Column("ID", "kid"), Output.Column("ALGORITHM", "alg"));
    }

    private static Command Role(string verb, string description, HttpMethod method)
    {
        var user = new Argument<string>("user") { Description = "Name or id" };
        var role = new Argument<string>("role") { Description = "The role" };
        var command = new Command(verb, description) { user, role };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.SendAsync(method, $"/api/v1/users/{Uri.EscapeDataString(call.GetValue(user)!)}/roles/{Uri.EscapeDataString(call.GetValue(role)!)}", null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Reading(string verb, string description, string path, Action<JsonNode?> show)
    {
        var command = new Command(verb, description);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(path, cancel), show);
        });
        return command;
    }

    private static Command Naming(string verb, string description, string meaning, HttpMethod method, string path)
    {
        var name = new Argument<string>("name") { Description = meaning };
        var command = new Command(verb, description) { name };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.SendAsync(method, string.Format(System.Globalization.CultureInfo.InvariantCulture, path, Uri.EscapeDataString(call.GetValue(name)!)), null, cancel);
            return Output.Print(call, answer ?? new JsonObject { ["done"] = call.GetValue(name) }, Output.Text);
        });
        return command;
    }

    private static JsonArray Texts(string[]? texts) => [.. (texts ?? []).Select(t => (JsonNode)t)];
}
