using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Who asks, and from there on everything that the caller may see.</summary>
internal static class CallerFields
{
    /// <summary>Adds <c>me</c> to the query type.</summary>
    public static void Add(ObjectType query)
    {
        var caller = new ObjectType("Caller", "Who asks.");
        void Add(string name, GraphType type, string description, Func<SurfaceCall, object?> read) =>
            caller.TryAdd(new FieldType(name, type) { Description = description, Resolve = (_, _, run) => read((SurfaceCall)run.Context!) });

        Add("id", Scalars.Id.NonNull, "Stable id.", call => call.Context.Caller.Id);
        Add("name", Scalars.String.NonNull, "Name for people.", call => call.Context.Caller.Name);
        Add("tenant", Scalars.String.NonNull, "The tenant whose records are seen.", call => call.Context.Tenant);
        Add("teams", Scalars.String.NonNull.List.NonNull, "Teams of the caller.", call => call.Context.Caller.Teams.Select(t => (object?)t).ToArray());
        Add("roles", Scalars.String.NonNull.List.NonNull, "Roles of the caller.", call => call.Context.Caller.Roles.Select(r => (object?)r).ToArray());
        Add("sees", query.NonNull, "The queries, so that one operation goes on from the caller to what it may see.", call => call);
        query.TryAdd(new FieldType("me", caller)
        {
            Description = "Who asks; null for a caller who did not sign in.",
            Resolve = static (_, _, run) => ReferenceEquals(((SurfaceCall)run.Context!).Context.Caller, Caller.Anonymous) ? null : run.Context,
        });
    }
}
