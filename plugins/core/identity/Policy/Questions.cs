using System.Collections.Immutable;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Policy;

/// <summary>Answers whether somebody may do something, by the same policy that decides when it is tried.</summary>
internal sealed class Questions(AccessPolicy policy, UserDirectory users, Callers callers, DeclaredResources resources)
{
    /// <summary>Answers all questions of a request.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>; <c>PERMISSION_DENIED</c>: only who may read users may ask about others.</exception>
    public CheckView Answer(CheckRequest request)
    {
        var call = CallContext.Current;
        var asked = (request.Permissions ?? []).Add(request.Permission ?? (request.Resource is null ? "" : $"{request.Resource}:{request.Action ?? "read"}{(request.Scope is null ? "" : ":" + request.Scope)}")).Where(p => p.Length > 0).Take(501).ToImmutableArray();
        if (asked.Length is 0 or > 500) throw new NexusException(ErrorCodes.ValidationError, "Ask about 1 to 500 permissions.") { Errors = [new FieldError("/permissions", "count", "Send permissions, or a resource and an action.")] };
        var subject = Subject(call, request.User ?? request.UserId);
        var results = asked.Select(p => Decide(subject, p)).ToImmutableArray();
        var view = new CheckView(subject.Caller.Id, results.All(r => r.Allowed), results);
        return results.Length == 1 ? view with { Scope = results[0].Scope, Reason = results[0].Reason, Role = results[0].Role } : view;
    }

    private CallContext Subject(CallContext call, string? named)
    {
        if (named is null || named == call.Caller.Id) return call;
        if (policy.Explain(call, "platform.users:read").Scope != AccessScope.All) throw new NexusException(ErrorCodes.PermissionDenied, "Asking about others needs the permission platform.users:read.");
        var user = Asking.User(users, named);
        return call with { Caller = callers.Of(user) };
    }

    private DecisionView Decide(CallContext subject, string permission)
    {
        var parts = permission.Split(':');
        var scope = AccessScope.Own;
        if (parts.Length is < 2 or > 3 || parts.Any(p => p.Length == 0) || (parts.Length == 3 && !Scoped(parts[2], out scope)))
            throw new NexusException(ErrorCodes.ValidationError, $"'{permission}' is not resource:action or resource:action:scope.") { Errors = [new FieldError("/permissions", "form", "Write resource:action, or resource:action:own|team|all.")] };
        var record = RecordRule.Parse(parts[0]);
        var ruling = policy.Explain(subject, $"{resources.FullName(record?.Resource ?? parts[0])}:{parts[1]}");
        return DecisionView.Of(permission, record is { } one ? About(one, ruling) : ruling, scope);
    }

    // Who owns the record is known to its plugin only; a record that is shared, or a right on all, is certain without.
    private static Ruling About(RecordRule record, Ruling ruling) =>
        ruling.Scope is AccessScope.None or AccessScope.All ? ruling
        : !ruling.Records.IsDefaultOrEmpty && ruling.Records.Contains(record.Id) ? ruling with { Reason = $"The record {record.Id} is shared. {ruling.Reason}" }
        : ruling.Policy is not null && ruling.Role is null && !ruling.Records.IsDefaultOrEmpty ? ruling with { Scope = AccessScope.None, Reason = $"The record {record.Id} is not among the shared ones, and no role allows others. {ruling.Reason}" }
        : ruling with { Reason = $"{ruling.Reason} Whether the record {record.Id} is one of them, its owner and team tell." };

    private static bool Scoped(string name, out AccessScope scope)
    {
        scope = Grant.ScopeOf(name) ?? AccessScope.None;
        return scope != AccessScope.None;
    }
}
