using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Planning;

/// <summary>
/// The way from the subgraph that gave an object to one that has more of it: over those that give what that one requires. Each step is made when the one before it was answered, and may send what
/// any of them told.
/// </summary>
internal sealed class Route(ComposedSchema composed, ObjectType type, string from, ObjectSelection start)
{
    private readonly List<(string Subgraph, ObjectSelection Selection)> stations = [(from, start)];

    /// <summary>Leads to a subgraph.</summary>
    /// <param name="subgraph">The subgraph.</param>
    /// <param name="required">What it needs to be sent.</param>
    /// <param name="selection">What it is asked there.</param>
    public void LeadTo(string subgraph, Field[] required, ObjectSelection selection)
    {
        foreach (var field in required)
            Fetch(field);
        var (key, giver) = Find(subgraph) ?? throw new InvalidOperationException($"No way leads to {type} of {subgraph}.");
        Array.ForEach(key.Fields, giver.Ask);
        stations[^1].Selection.Hops.Add(new Hop(subgraph, key, required, selection));
        stations.Add((subgraph, selection));
    }

    private void Fetch(Field field)
    {
        var givers = composed.Givers(type.Name, field);
        var at = stations.Find(one => givers.Contains(one.Subgraph) && composed.Required(one.Subgraph, type.Name, field.Name.Text).Length == 0).Selection;
        if (at is null)
        {
            var giver = Array.Find(givers, one => Find(one) is not null) ?? throw new InvalidOperationException($"No way leads to {type}.{field.Name.Text}.");
            at = new ObjectSelection(type);
            LeadTo(giver, composed.Required(giver, type.Name, field.Name.Text), at);
        }
        at.Ask(field);
    }

    /// <summary>A key by which the subgraph finds the object, and who of those on the way tells it.</summary>
    private (KeyFields Key, ObjectSelection Giver)? Find(string subgraph)
    {
        foreach (var (name, selection) in stations)
        {
            if (composed.KeyBetween(type.Name, name, subgraph) is { } key)
                return (key, selection);
        }
        return null;
    }
}
