using System.ComponentModel.DataAnnotations;
using Nexus;

/// <summary>One record of <c>my-resources</c>.</summary>
public sealed record MyResource([property: StringLength(200, MinimumLength = 1)] string Name) : Resource
{
    /// <summary>Indexes, search fields, rules and actions.</summary>
    public static void Describe(ResourceBuilder<MyResource> resource) => resource.Index(r => r.Name).Search(r => r.Name);
}
