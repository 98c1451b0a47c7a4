using Nexus;

return await NexusApp.Create("my-app", "0.1.0")
    .Add("hello", plugin => plugin.MapEndpoints(routes => routes.MapGet("/{name}", (string name) => $"Hello, {name}!").AllowAnonymous()))
    .OnStartup((app, _) =>
    {
        Console.WriteLine($"{app.Name} {app.Version} answers at /api/custom/hello/Ada");
        return Task.CompletedTask;
    })
    .RunAsync(args);
