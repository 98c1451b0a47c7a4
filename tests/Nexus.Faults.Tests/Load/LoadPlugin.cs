using Nexus.Tests.Shared;

namespace Nexus.Faults.Tests.Load;

/// <summary>The plugin that the load talks to: a resource, events with a handler that counts, tasks of both promises, a cache, a schedule, a message that cannot be handled.</summary>
internal static class LoadPlugin
{
    public const string Routes = "/api/custom/load";

    private const string Source = """"
        internal static class Gate
        {
            public static async Task PassAsync(CancellationToken token)
            {
                while (System.IO.File.Exists("{gate}")) await Task.Delay(50, token);
            }
        }

        public sealed record Box(string Label) : Resource;
        public sealed record Effect(string Operation, string Counter) : Resource;
        public sealed record Counter(string Name, long Value) : Resource;
        public sealed record Job(string Operation, bool Loose, int Attempt) : Resource;
        public sealed record Tick(string DueAt) : Resource;

        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Box>("boxes", _ => { });
                plugin.AddResource<Effect>("effects", effects => effects.Index(e => e.Operation));
                plugin.AddResource<Counter>("counters", counters => counters.Unique(c => c.Name));
                plugin.AddResource<Job>("jobs", jobs => jobs.Index(j => j.Operation));
                plugin.AddResource<Tick>("ticks", _ => { });
                plugin.On("load.counted", CountAsync, handler => handler with { Timeout = TimeSpan.FromSeconds(4) });
                plugin.On("load.drizzled", (services, context, token) => DrizzleAsync(services, context, "quick", TimeSpan.Zero, token), handler => handler with { Group = "load:quick", Timeout = TimeSpan.FromSeconds(4) });
                plugin.On("load.drizzled", (services, context, token) => DrizzleAsync(services, context, "slow", TimeSpan.FromMilliseconds(200), token), handler => handler with { Group = "load:slow", MaxAttempts = 1000, RetryDelay = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromSeconds(4) });
                plugin.On("load.poisoned", (_, _, _) => throw new InvalidOperationException("This one cannot be handled."), handler => handler with { MaxAttempts = 2, RetryDelay = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromSeconds(4) });
                plugin.AddTask("work", (services, context, token) => WorkAsync(services, context, loose: false, token), task => task with { MaxRetries = 20, RetryDelay = TimeSpan.FromMilliseconds(200), BackOff = 1 });
                plugin.AddTask("loose", (services, context, token) => WorkAsync(services, context, loose: true, token), task => task with { Atomic = false, MaxRetries = 20, RetryDelay = TimeSpan.FromMilliseconds(200), BackOff = 1 });
                plugin.AddTask("long", async (services, context, token) => { await WorkAsync(services, context, loose: false, token); await Task.Delay(1000, token); await Gate.PassAsync(token); }, task => task with { MaxRetries = 20, RetryDelay = TimeSpan.FromMilliseconds(200), BackOff = 1, Concurrency = 8 });
                plugin.AddTask("tick", async (services, context, token) => { await services.GetRequiredService<IRepository<Tick>>().CreateAsync(new Tick(context.DueAt.ToString("O")), token); }, task => task with { MaxRetries = 20, RetryDelay = TimeSpan.FromMilliseconds(200), BackOff = 1 });
                plugin.AddSchedule(Schedule.Every(TimeSpan.FromSeconds(1)), "tick");
                plugin.MapEndpoints(routes =>
                {
                    routes.MapPost("/publish", async (string op, string counter, IEvents events, CancellationToken token) => await events.PublishAsync(Message("load.counted", op, counter), cancellationToken: token));
                    routes.MapPost("/drizzle", async (string op, IEvents events, CancellationToken token) => await events.PublishAsync(Message("load.drizzled", op, "drizzle"), cancellationToken: token));
                    routes.MapPost("/poison", async (string op, IEvents events, CancellationToken token) => await events.PublishAsync(Message("load.poisoned", op, op), cancellationToken: token));
                    routes.MapPost("/enqueue", async (string op, string task, ITasks tasks, CancellationToken token) => await tasks.EnqueueAsync(task, op, cancellationToken: token));
                    routes.MapPut("/cache/{key}", async (string key, string value, ICache cache, CancellationToken token) => { await cache.SetAsync(CacheKey.Of("slot", key, "v1"), System.Text.Encoding.UTF8.GetBytes(value), cancellationToken: token); });
                    routes.MapGet("/cache/{key}", async (string key, ICache cache, CancellationToken token) => await cache.FindAsync(CacheKey.Of("slot", key, "v1"), token) is { IsFound: true } found ? Results.Text(System.Text.Encoding.UTF8.GetString(found.Value.Span)) : Results.NoContent());
                });
            }

            private static EventMessage Message(string name, string op, string key) => new() { Name = name, Key = key, CorrelationId = op, Data = System.Text.Encoding.UTF8.GetBytes($$"""{"op":"{{op}}","counter":"{{key}}"}""") };

            private static async Task CountAsync(IServiceProvider services, EventContext context, CancellationToken token)
            {
                using var data = System.Text.Json.JsonDocument.Parse(context.Message.Data);
                var (op, name) = (data.RootElement.GetProperty("op").GetString()!, data.RootElement.GetProperty("counter").GetString()!);
                await services.GetRequiredService<IRepository<Effect>>().CreateAsync(new Effect(op, name), token);
                var counters = services.GetRequiredService<IRepository<Counter>>();
                var counter = (await counters.ListAsync(new Specification<Counter>(c => c.Name == name), 1, token)).Records.FirstOrDefault();
                if (counter is null) await counters.CreateAsync(new Counter(name, 1), token);
                else await counters.UpdateAsync(counter with { Value = counter.Value + 1 }, token);
            }

            private static async Task DrizzleAsync(IServiceProvider services, EventContext context, string who, TimeSpan pause, CancellationToken token)
            {
                await Task.Delay(pause, token);
                if (pause > TimeSpan.Zero) await Gate.PassAsync(token);
                await services.GetRequiredService<IRepository<Effect>>().CreateAsync(new Effect(context.Message.CorrelationId!, who), token);
            }

            private static async Task WorkAsync(IServiceProvider services, TaskContext context, bool loose, CancellationToken token) =>
                await services.GetRequiredService<IRepository<Job>>().CreateAsync(new Job(System.Text.Json.JsonSerializer.Deserialize<string>(context.Input.Span)!, loose, context.Attempt), token);
        }
        """";

    public static string Compile(string folder) => PluginCompiler.Plugin(Path.Combine(folder, "load"), "load", "1.0.0", Source.Replace("{gate}", Gate(folder), StringComparison.Ordinal));

    /// <summary>While there is such a file, tasks that take long and subscribers that are slow do not end.</summary>
    public static string Gate(string folder) => Path.Combine(folder, "closed");
}
