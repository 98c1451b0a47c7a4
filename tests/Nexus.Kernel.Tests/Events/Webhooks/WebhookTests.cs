using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Events;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Tests.Events.Webhooks;

/// <summary>Webhooks over the engines that ship and a receiver behind a socket.</summary>
public sealed class WebhookTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-webhooks-").FullName;
    private readonly Receiver receiver = new();

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        receiver.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_receiver_gets_each_matching_event_once_and_can_check_who_sent_it(string engine)
    {
        await using var node = await StartAsync(engine);
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*", "*.failed"], Filter = JsonDocument.Parse("""{"total":{"$gte":5}}""").RootElement }, Token);

        foreach (var (name, data) in new[] { ("orders.created", """{"total":7}"""), ("orders.created", """{"total":4}"""), ("users.created", """{"total":9}"""), ("orders.failed", """{"total":8}"""), ("payments.failed", """{"total":6}""") })
            await node.Events.PublishAsync(new EventMessage { Name = name, Data = Encoding.UTF8.GetBytes(data) }, cancellationToken: Token);
        await EventHost.Until(() => receiver.Got.Count >= 3, () => string.Join(", ", receiver.Names));
        await EventHost.Until(() => node.EventLog.GetSubscribers().All(s => s.Waiting == 0));

        Assert.Equal(["orders.created", "orders.failed", "payments.failed"], receiver.Names.Order());
        var first = receiver.Got.First(r => r.Name == "orders.created");
        Assert.Equal((7, 1), ((int)first.Json["data"]!["total"]!, (int)first.Json["attempt"]!));
        Assert.Equal(Signature(first, made.Secret), first.Headers["Nexus-Signature"].Split(",v1=")[1]);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_receiver_gets_signed_batches_of_the_priorities_it_asked_for_and_one_by_one_what_it_refused_together(string engine)
    {
        await using var node = await StartAsync(engine);
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"], BatchSize = 10, MinPriority = 0, MaxPriority = 5, RetrySeconds = 0.01 }, Token);
        receiver.Refuses = body => body["events"]!.AsArray().Count > 1 && body["events"]!.AsArray().Any(e => (string?)e!["key"] == "7");

        await node.Events.PublishAsync([.. Enumerable.Range(0, 40).Select(i => new EventMessage { Name = "orders.created", Key = $"{i}", Priority = i < 30 ? i % 6 : i < 35 ? -1 : 6 })], cancellationToken: Token);
        await EventHost.Until(() => Keys().Distinct().Count() == 30, () => string.Join(", ", Keys()));
        await EventHost.Until(() => node.EventLog.GetSubscribers().All(s => s.Waiting == 0));

        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{i}").Order(), Keys().Order());
        Assert.Equal(10, receiver.Got.Max(r => r.Json["events"]!.AsArray().Count));
        Assert.All(receiver.Got, r => Assert.Equal(Signature(r, made.Secret), r.Headers["Nexus-Signature"].Split(",v1=")[1]));

        IEnumerable<string> Keys() => receiver.Got.Where(r => r.Status == 200).SelectMany(r => r.Json["events"]!.AsArray()).Select(e => (string)e!["key"]!);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_receiver_refuses_is_tried_again_then_dead_and_too_much_of_it_disables_the_webhook(string engine)
    {
        await using var node = await StartAsync(engine);
        receiver.Status = 500;
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"], MaxAttempts = 3, RetrySeconds = 0.01 }, Token);
        var group = made.Webhook.Groups[0];

        var first = await node.Events.PublishAsync(new EventMessage { Name = "orders.one" }, cancellationToken: Token);
        await node.StateBecomes(first, group, DeliveryState.Dead);
        Assert.Equal([1, 2, 3], receiver.Got.Select(r => (int)r.Json["attempt"]!));
        Assert.Contains("answered 500", (await node.EventLog.DeliveriesAsync(new DeliveryQuery(first), Token))[0].LastError, StringComparison.Ordinal);
        await node.Events.PublishAsync(new EventMessage { Name = "orders.two" }, cancellationToken: Token);
        await Disabled(node);

        var hook = Assert.Single(await Hooks(node).ListAsync(Token));
        Assert.StartsWith("2 events in a row could not be delivered", hook.DisabledReason, StringComparison.Ordinal);
        await EventHost.Until(() => node.EventLog.GetSubscribers().All(s => s.Group != group));
        receiver.Got.Clear();
        receiver.Status = 200;
        await node.Events.PublishAsync(new EventMessage { Name = "orders.three" }, cancellationToken: Token);
        await Hooks(node).ChangeAsync(hook.Id, new WebhookChange { Enabled = true }, Token);
        await node.Events.PublishAsync(new EventMessage { Name = "orders.four" }, cancellationToken: Token);
        await EventHost.Until(() => !receiver.Got.IsEmpty);
        Assert.Equal(["orders.four"], receiver.Names);
        Assert.Equal(4, await node.EventLog.ReplayAsync(new EventReplay(group), Token));
        await EventHost.Until(() => receiver.Got.Count == 5, () => string.Join(", ", receiver.Names));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_receiver_that_is_gone_gets_no_second_try(string engine)
    {
        await using var node = await StartAsync(engine);
        receiver.Status = 410;
        await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"], RetrySeconds = 0.01 }, Token);

        await node.Events.PublishAsync(new EventMessage { Name = "orders.one" }, cancellationToken: Token);
        await Disabled(node);

        Assert.Equal("Its receiver answered 410: it wants no more.", Assert.Single(await Hooks(node).ListAsync(Token)).DisabledReason);
        Assert.Single(receiver.Got);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task After_a_rotation_both_secrets_sign(string engine)
    {
        await using var node = await StartAsync(engine);
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["*"] }, Token);
        var rotated = await Hooks(node).RotateAsync(made.Webhook.Id, Token);

        await node.Events.PublishAsync(new EventMessage { Name = "orders.one" }, cancellationToken: Token);
        await EventHost.Until(() => receiver.Got.Any(r => r.Name == "orders.one"));

        var got = receiver.Got.First(r => r.Name == "orders.one");
        Assert.NotEqual(made.Secret, rotated.Secret);
        Assert.Equal([Signature(got, rotated.Secret), Signature(got, made.Secret)], got.Headers["Nexus-Signature"].Split(",v1=")[1..]);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_webhook_does_not_reach_into_this_host_unless_the_operator_allows_it(string engine)
    {
        await using var node = await StartAsync(engine, allowed: false);
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"], MaxAttempts = 1 }, Token);

        var id = await node.Events.PublishAsync(new EventMessage { Name = "orders.one" }, cancellationToken: Token);
        await node.StateBecomes(id, made.Webhook.Groups[0], DeliveryState.Dead);

        Assert.Contains("plugins.outbound.allowed", (await node.EventLog.DeliveriesAsync(new DeliveryQuery(id), Token))[0].LastError, StringComparison.Ordinal);
        Assert.Empty(receiver.Got);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Tenants_neither_get_events_of_others_nor_see_their_webhooks(string engine)
    {
        await using var node = await StartAsync(engine);
        var made = await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"] }, Token);

        await node.Events.PublishAsync(new EventMessage { Name = "orders.theirs", Tenant = "t2" }, cancellationToken: Token);
        await node.Events.PublishAsync(new EventMessage { Name = "orders.ours" }, cancellationToken: Token);
        await EventHost.Until(() => !receiver.Got.IsEmpty);
        var before = CallContext.Current;
        CallContext.Current = new CallContext(Caller.System, "t2", "c");
        var theirs = await Hooks(node).ListAsync(Token);
        var refused = await Assert.ThrowsAsync<NexusException>(async () => await Hooks(node).DeleteAsync(made.Webhook.Id, Token));
        CallContext.Current = before;

        Assert.Equal(["orders.ours"], receiver.Names);
        Assert.Empty(theirs);
        Assert.Equal("RESOURCE_NOT_FOUND", refused.Code);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Another_node_learns_of_a_webhook_takes_its_turn_and_drops_it_when_it_goes(string engine)
    {
        await using var one = await StartAsync(engine);
        await using var two = await StartAsync(engine, one);
        var made = await Hooks(one).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["orders.*"] }, Token);
        await EventHost.Until(() => two.EventLog.GetSubscribers().Any(s => s.Group == made.Webhook.Groups[0]));

        var ids = await one.Events.PublishAsync([.. Enumerable.Range(0, 40).Select(_ => new EventMessage { Name = "orders.one" })], cancellationToken: Token);
        await EventHost.Until(() => receiver.Got.Count >= 40);
        await Hooks(two).DeleteAsync(made.Webhook.Id, Token);
        await EventHost.Until(() => one.EventLog.GetSubscribers().All(s => s.Group != made.Webhook.Groups[0]));
        await one.Events.PublishAsync(new EventMessage { Name = "orders.late" }, cancellationToken: Token);

        Assert.Equal(ids.Select(i => i.ToString()).Order(), receiver.Got.Select(r => (string)r.Json["id"]!).Order());
        Assert.Empty(await one.EventLog.DeliveriesAsync(new DeliveryQuery(Group: made.Webhook.Groups[0]), Token));
    }

    [Fact]
    public async Task A_wrong_webhook_is_refused_with_every_fault()
    {
        await using var node = await StartAsync("memory");

        var refused = await Assert.ThrowsAsync<NexusException>(async () => await Hooks(node).CreateAsync(new WebhookChange { Url = "ftp://files", MaxAttempts = 0, RetrySeconds = double.NaN }, Token));

        Assert.Equal("VALIDATION_ERROR", refused.Code);
        Assert.Equal(["/url", "/patterns", "/maxAttempts", "/retrySeconds"], refused.Errors.Select(e => e.Pointer));
        Assert.Equal("INVALID_EVENT_TYPE", (await Assert.ThrowsAsync<NexusException>(async () => await Hooks(node).CreateAsync(new WebhookChange { Url = receiver.Url, Patterns = ["**"] }, Token))).Code);
    }

    private static IWebhooks Hooks(EngineNode node) => node.Services.GetRequiredService<IWebhooks>();

    private static async Task Disabled(EngineNode node)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await Hooks(node).ListAsync(limit.Token))[0].Enabled)
            await Task.Delay(5, limit.Token);
    }

    private static string Signature(Received got, string secret)
    {
        var at = got.Headers["Nexus-Signature"].Split(',')[0]["t=".Length..];
        return Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{at}.{got.Body}")));
    }

    private Task<EngineNode> StartAsync(string engine, EngineNode? first = null, bool allowed = true) =>
        EngineNode.StartAsync(engine, folder, _ => { }, first?.Storage, services =>
        {
            var options = new PluginsOptions();
            if (allowed)
                options.Outbound.Allowed.Add("127.0.0.1");
            if (first is not null)
                services.AddSingleton(first.Services.GetRequiredService<IFieldProtection>());
            services.AddSingleton(options).Configure<EventsOptions>(o => o.WebhookFailures = 2);
        });
}
