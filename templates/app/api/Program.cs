using System.ComponentModel.DataAnnotations;
using Nexus;

// One declaration: ten REST routes with paging, filters, validation, OpenAPI and events at /api/custom/tasks/items.
return await NexusApp.Create("my-app", "0.1.0")
    .Add("tasks", plugin => plugin.AddResource<Item>("items", items => items.Search(i => i.Title)))
    .RunAsync(args);

public sealed record Item([property: StringLength(200, MinimumLength = 1)] string Title, bool Done = false) : Resource;
