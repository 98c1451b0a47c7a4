using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Tests.Services;

public sealed class ServiceRegistryTests : IDisposable
{
    private readonly ServiceBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_proxy_reaches_the_provider_and_returns_the_lease()
    {
        var post = Provider("post");
        _bench.Plugins.Publish(post);

        Assert.Equal("post to Ada", await _bench.For("shop").Get<IMail>().SendAsync("Ada"));
        Assert.Equal(0, ((CountingGeneration)post.Lease).Held);
    }

    [Fact]
    public async Task Calls_fail_at_once_after_unloading_and_work_again_with_the_same_proxy()
    {
        var mail = _bench.For("shop").Get<IMail>();
        var never = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"));
        _bench.Plugins.Publish(Provider("post"));
        var first = await mail.SendAsync("Ada");
        _bench.Plugins.Publish();
        var gone = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"));
        _bench.Plugins.Publish(Provider("post", "new post"));
        var again = await mail.SendAsync("Ada");

        Assert.Equal("SERVICE_NOT_FOUND", never.Code);
        Assert.Equal("post to Ada", first);
        Assert.Equal("SERVICE_UNAVAILABLE", gone.Code);
        Assert.Contains("post", gone.Message);
        Assert.Equal("new post to Ada", again);
    }

    [Fact]
    public async Task A_revoked_capability_cuts_a_proxy_that_is_held_already_and_a_granted_one_mends_it()
    {
        _bench.Plugins.Publish(Provider("post"));
        var refused = new List<string>();
        var allowance = new Allowance("crm", new PluginQuota(), TimeProvider.System);
        var manifest = new PluginManifest { Name = "shop", Version = "1.0.0", Category = PluginCategory.Business, Description = "Shop.", Entry = "Shop.dll" };
        var mail = new GuardedServices(_bench.For("shop"), new CapabilityGuard(manifest, allowance, strict: false, (_, capability, target) => refused.Add($"{capability} {target}"))).Get<IMail>();
        var before = await mail.SendAsync("Ada");

        allowance.Decision = new CapabilityDecision([], ["services"]);
        var denied = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"));
        allowance.Decision = CapabilityDecision.None;

        Assert.Equal(("post to Ada", "CAPABILITY_DENIED", "post to Ada"), (before, denied.Code, await mail.SendAsync("Ada")));
        Assert.Equal(["services mail"], refused);
    }

    [Fact]
    public async Task A_swap_changes_the_next_call_while_the_one_in_flight_ends_on_the_old_provider()
    {
        var (old, mail) = (new Mail("old"), _bench.For("shop").Get<IMail>());
        var before = Provider("post", old);
        _bench.Plugins.Publish(before);

        var waiting = mail.SendAsync("wait");
        _bench.Plugins.Publish(Provider("post", "new"));
        var next = await mail.SendAsync("Ada");

        Assert.Equal("new to Ada", next);
        Assert.Equal(1, ((CountingGeneration)before.Lease).Held);
        old.Gate.SetResult();
        Assert.Equal("old to wait", await waiting);
        Assert.Equal(0, ((CountingGeneration)before.Lease).Held);
    }

    [Fact]
    public async Task A_draining_provider_without_successor_refuses_the_call()
    {
        var post = Provider("post");
        _bench.Plugins.Publish(post);
        var mail = _bench.For("shop").Get<IMail>();
        ((CountingGeneration)post.Lease).Drain();

        var error = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"));

        Assert.Equal("SERVICE_UNAVAILABLE", error.Code);
    }

    [Fact]
    public async Task Changing_the_binding_switches_the_next_call()
    {
        _bench.Plugins.Publish(Provider("pigeon"), Provider("post"));
        var mail = _bench.For("shop").Get<IMail>();

        var byDefault = await mail.SendAsync("Ada");
        _bench.Set("services:bind:mail", "post");
        var bound = await mail.SendAsync("Ada");
        _bench.Set("services:bind:mail", "fax");
        var missing = await Assert.ThrowsAsync<NexusException>(() => mail.SendAsync("Ada"));

        Assert.Equal("pigeon to Ada", byDefault);
        Assert.Equal("post to Ada", bound);
        Assert.Equal("SERVICE_UNAVAILABLE", missing.Code);
        Assert.Contains("services:bind:mail", missing.Message);
        Assert.Contains("pigeon, post", missing.Message);
    }

    [Fact]
    public async Task All_implementations_are_found_and_one_by_its_name()
    {
        _bench.Plugins.Publish(Provider("pigeon"), Provider("post"));
        var services = _bench.For("shop");

        var answers = await Task.WhenAll(services.GetAll<IMail>().Select(mail => mail.SendAsync("Ada")));
        var named = await services.Find<IMail>("post")!.SendAsync("Bob");
        _bench.Plugins.Publish(Provider("post"));

        Assert.Equal(["pigeon to Ada", "post to Ada"], answers);
        Assert.Equal("post to Bob", named);
        Assert.Single(services.GetAll<IMail>());
        Assert.Null(services.Find<IMail>("pigeon"));
    }

    [Fact]
    public async Task An_unknown_name_says_which_names_there_are()
    {
        _bench.Plugins.Publish(Provider("post"));

        var error = await Assert.ThrowsAsync<NexusException>(() => _bench.For("shop").Get<IMail>("fax").SendAsync("Ada"));

        Assert.Equal("SERVICE_UNAVAILABLE", error.Code);
        Assert.Contains("\"fax\"; active are post", error.Message);
    }

    [Theory]
    [InlineData("bug", "INTERNAL_ERROR", "The call mail.SendAsync of the plugin post failed; the log has the full record.")]
    [InlineData("rule", "RULE_VIOLATION", "No mail on Sundays.")]
    [InlineData("own", "CONFLICT", "The mailbox is full.")]
    [InlineData("stop", "SERVICE_UNAVAILABLE", "The call mail.SendAsync of the plugin post was cancelled by its provider, which may be stopping. Try again.")]
    public async Task A_providers_exception_crosses_as_plain_text(string to, string code, string message)
    {
        var post = Provider("post");
        _bench.Plugins.Publish(post);

        var error = await Assert.ThrowsAnyAsync<NexusException>(() => _bench.For("shop").Get<IMail>().SendAsync(to));

        Assert.Equal((code, message), (error.Code, error.Message));
        Assert.Null(error.InnerException);
        Assert.Equal(typeof(NexusException).Assembly, error.GetType().Assembly);
        Assert.Equal(0, ((CountingGeneration)post.Lease).Held);
        Assert.Equal((1, 1), (_bench.Registry.List()[0].Calls, _bench.Registry.List()[0].Errors));
    }

    [Fact]
    public async Task The_last_error_is_kept_as_text_for_operators()
    {
        _bench.Plugins.Publish(Provider("post"));

        await Assert.ThrowsAsync<NexusException>(() => _bench.For("shop").Get<IMail>().SendAsync("bug"));

        Assert.Equal("InvalidOperationException: password=123", _bench.Registry.List()[0].LastError);
        Assert.NotNull(_bench.Registry.List()[0].LastErrorAt);
    }

    [Fact]
    public async Task The_callers_own_cancellation_stays_a_cancellation()
    {
        _bench.Plugins.Publish(Provider("post"));
        using var cancel = new CancellationTokenSource();

        var call = _bench.For("shop").Get<IMail>().SendAsync("wait", cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => call);
        Assert.Equal(0, _bench.Registry.List()[0].Errors);
    }

    [Fact]
    public async Task A_singleton_is_the_same_for_two_consumers_and_lives_through_the_publication_of_others()
    {
        var post = Provider("post");
        _bench.Plugins.Publish(post);
        var first = await _bench.For("shop").Get<IMail>().CountAsync();
        _bench.Plugins.Publish(post, Provider("other"));

        _bench.Set("services:bind:mail", "post");

        Assert.Equal((1, 2), (first, await _bench.For("crm").Get<IMail>().CountAsync()));
    }

    [Theory]
    [InlineData(ServiceLifetime.Scoped)]
    [InlineData(ServiceLifetime.Transient)]
    public async Task A_scoped_service_has_one_instance_a_call_and_is_disposed_after_it(ServiceLifetime lifetime)
    {
        var made = new List<Mail>();
        var post = ServiceBench.Plugin("post", plugin =>
        {
            plugin.Services.Add(new ServiceDescriptor(typeof(Mail), _ => { var mail = new Mail("post"); made.Add(mail); return mail; }, lifetime));
            plugin.Provide<IMail>(null, lifetime, services => services.GetRequiredService<Mail>());
        });
        _bench.Plugins.Publish(post);
        var proxy = _bench.For("shop").Get<IMail>();

        var counts = (await proxy.CountAsync(), await proxy.CountAsync());
        var waiting = proxy.SendAsync("wait");

        Assert.Equal((1, 1), counts);
        Assert.Equal([true, true, false], made.Select(mail => mail.Disposed));
        made[2].Gate.SetResult();
        await waiting;
        Assert.True(made[2].Disposed);
        Assert.Equal(0, ((CountingGeneration)post.Lease).Held);
    }

    [Fact]
    public async Task A_provider_whose_constructor_throws_fails_the_call_and_returns_the_lease()
    {
        var post = ServiceBench.Plugin("post", plugin => plugin.Provide<IMail>(null, ServiceLifetime.Singleton, _ => throw new InvalidOperationException("no")));
        _bench.Plugins.Publish(post);

        var error = await Assert.ThrowsAsync<NexusException>(() => _bench.For("shop").Get<IMail>().SendAsync("Ada"));

        Assert.Equal("INTERNAL_ERROR", error.Code);
        Assert.Equal(new FailureOrigin("post", post.Manifest.Version, "mail.(constructor)"), FailureOrigin.Find(error));
        Assert.Equal(0, ((CountingGeneration)post.Lease).Held);
    }

    [Fact]
    public async Task A_class_takes_the_contract_in_its_constructor()
    {
        _bench.Plugins.Publish(Provider("post"));
        var shop = ServiceBench.Plugin("shop", plugin =>
        {
            plugin.Services.AddSingleton(_bench.For("shop"));
            plugin.Require<IMail>();
            plugin.Services.AddSingleton<Greeter>();
        });

        Assert.Equal("post to Ada", await shop.Lease.Services.GetRequiredService<Greeter>().Mail.SendAsync("Ada"));
        Assert.Equal([new ServiceNeed("mail")], shop.Requires);
    }

    [Fact]
    public void The_graph_tells_who_uses_whom()
    {
        var shop = ServiceBench.Plugin("shop", plugin => plugin.Require<IMail>());
        _bench.Plugins.Publish(Provider("post"), shop, ServiceBench.Plugin("crm", _ => { }));
        _bench.For("crm").Get<IMail>("fax");
        _bench.For("gone").Get<IMail>();

        Assert.Equal(
            [new ServiceUse("crm", "mail", "fax", null, Required: false), new ServiceUse("shop", "mail", null, "post", Required: true)],
            _bench.Registry.Graph());
    }

    [Fact]
    public void The_list_names_each_implementation_and_which_is_bound()
    {
        _bench.Set("services:bind:mail", "post");
        _bench.Plugins.Publish(Provider("post"), Provider("pigeon"));

        Assert.Equal([("pigeon", false), ("post", true)], _bench.Registry.List().Select(service => (service.Name, service.Bound)));
        Assert.Equal(["SendAsync", "CountAsync"], _bench.Registry.List()[0].Methods);
    }

    [Fact]
    public async Task A_call_by_names_carries_json()
    {
        _bench.Plugins.Publish(Provider("post"));

        var answer = await _bench.Registry.CallAsync(new("mail", null, "SendAsync", """["Ada"]"""u8.ToArray()), default);
        var unknown = await Assert.ThrowsAsync<NexusException>(async () => await _bench.Registry.CallAsync(new("mail", null, "FlyAsync", default), default));
        var wrong = await Assert.ThrowsAsync<NexusException>(async () => await _bench.Registry.CallAsync(new("mail", null, "SendAsync", "[5]"u8.ToArray()), default));
        var kept = _bench.Registry.Slots;
        foreach (var invented in new[] { ("mail", "nobody"), ("none", null), ("none", "nobody") })
            Assert.Contains(invented.Item1, (await Assert.ThrowsAsync<NexusException>(async () => await _bench.Registry.CallAsync(new(invented.Item1, invented.Item2, "SendAsync", "[]"u8.ToArray()), default))).Message, StringComparison.Ordinal);
        Assert.Equal(kept, _bench.Registry.Slots);

        Assert.Equal("\"post to Ada\"", Encoding.UTF8.GetString(answer.Span));
        Assert.Equal(("BAD_REQUEST", "BAD_REQUEST"), (unknown.Code, wrong.Code));
        Assert.Contains("FlyAsync", unknown.Message);
        Assert.Contains("Argument 1", wrong.Message);
    }

    [Fact]
    public async Task Switching_under_load_fails_no_call()
    {
        var mail = _bench.For("shop").Get<IMail>();
        var current = Provider("post");
        _bench.Plugins.Publish(current);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var calls = 0;
        var callers = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref calls))
                await mail.SendAsync("Ada");
        })).ToList();

        for (var swap = 0; swap < 100; swap++)
        {
            var next = Provider("post");
            _bench.Plugins.Publish(next);
            ((CountingGeneration)current.Lease).Drain();
            current = next;
            for (var seen = Volatile.Read(ref calls); Volatile.Read(ref calls) == seen && !callers.Exists(caller => caller.IsCompleted);)
                await Task.Yield();
        }
        await stop.CancelAsync();
        await Task.WhenAll(callers);

        Assert.True(calls >= 100);
        Assert.Equal(0, ((CountingGeneration)current.Lease).Held);
    }

    private static ActivePlugin Provider(string id, string? who = null) => Provider(id, new Mail(who ?? id));

    private static ActivePlugin Provider(string id, Mail mail) =>
        ServiceBench.Plugin(id, plugin => plugin.Provide<IMail>(null, ServiceLifetime.Singleton, _ => mail));

    private sealed class Greeter(IMail mail)
    {
        public IMail Mail { get; } = mail;
    }
}
