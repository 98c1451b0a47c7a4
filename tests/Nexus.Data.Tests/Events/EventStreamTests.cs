using System.Collections.Immutable;
using System.Text;
using Nexus.Data.Events;
using Nexus.Data.Memory;
using Nexus.Data.Sqlite;
using Nexus.Data.Units;

namespace Nexus.Data.Tests.Events;

public sealed class EventStreamTests : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-streams-").FullName;
    private StorageSet? opened;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (opened is not null)
            await opened.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_second_append_with_the_same_expected_version_is_refused_and_leaves_nothing(string engine)
    {
        var streams = await OpenAsync(engine);

        Assert.Equal(2, await streams.AppendAsync("order-1", [Event("orders.opened", 0), Event("orders.added", 5)], 0, Token));
        Assert.Equal(3, await streams.AppendAsync("order-1", [Event("orders.added", 7)], 2, Token));
        var refused = await Assert.ThrowsAsync<NexusException>(async () => await streams.AppendAsync("order-1", [Event("orders.added", 9)], 2, Token));

        Assert.Equal(("CONFLICT", "The stream order-1 has version 3; version 2 was expected. Read what was appended meanwhile and decide again."), (refused.Code, refused.Message));
        Assert.Equal(["1 orders.opened 0", "2 orders.added 5", "3 orders.added 7"], await LinesAsync(streams, new StreamQuery("order-1")));
        Assert.Equal(3, (await opened!.Events.ReadAsync(new EventQuery(), Token)).Events.Length);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_stream_is_read_forward_and_backward_from_any_version(string engine)
    {
        var streams = await OpenAsync(engine);
        await streams.AppendAsync("a", [.. Enumerable.Range(1, 12).Select(n => Event("a.counted", n))], cancellationToken: Token);
        await streams.AppendAsync("a2", [Event("a.other", 99)], cancellationToken: Token);

        Assert.Equal("3 4 5", await NumbersAsync(streams, new StreamQuery("a") { From = 3, Limit = 3 }));
        Assert.Equal("11 12", await NumbersAsync(streams, new StreamQuery("a") { From = 11 }));
        Assert.Equal("12 11 10", await NumbersAsync(streams, new StreamQuery("a") { Backward = true, Limit = 3 }));
        Assert.Equal("2 1", await NumbersAsync(streams, new StreamQuery("a") { Backward = true, From = 2 }));
        Assert.Equal("", await NumbersAsync(streams, new StreamQuery("a") { From = 13 }));
        Assert.Equal((0L, ""), ((await streams.ReadAsync(new StreamQuery("none"), Token)).Version, await NumbersAsync(streams, new StreamQuery("none"))));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_aggregate_rebuilt_from_its_stream_equals_the_saved_one_under_contention(string engine)
    {
        var streams = await OpenAsync(engine);
        var saved = 0L;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var n = 0; n < 25;)
            {
                var version = (await streams.ReadAsync(new StreamQuery("account") { Limit = 1 }, Token)).Version;
                try
                {
                    await streams.AppendAsync("account", [Event("accounts.moved", writer + n)], version, Token);
                    Interlocked.Add(ref saved, writer + n++);
                }
                catch (NexusException e) when (e.Code == ErrorCodes.Conflict)
                {
                    // Somebody else was first.
                }
            }
        })));

        var (rebuilt, versions) = (0L, new List<long>());
        await foreach (var found in streams.ReplayAsync("account", cancellationToken: Token))
        {
            rebuilt += long.Parse(Encoding.UTF8.GetString(found.Message.Data.Span), System.Globalization.CultureInfo.InvariantCulture);
            versions.Add(found.Version);
        }

        Assert.Equal(saved, rebuilt);
        Assert.Equal(Enumerable.Range(1, 100).Select(v => (long)v), versions);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_is_appended_is_delivered_in_order_of_the_stream_with_its_version(string engine)
    {
        var streams = await OpenAsync(engine);
        await opened!.Events.DeclareAsync("mail", [new EventGroup("mail/all", "*", 0)], Token);

        await streams.AppendAsync("order-1", [Event("orders.opened", 1), Event("orders.closed", 2)], cancellationToken: Token);
        var claim = new DeliveryClaim(["mail/all"], 10, TimeSpan.FromMinutes(1), TimeSpan.Zero);
        var first = Assert.Single(await opened.Events.ClaimAsync(claim, Token));

        Assert.Equal(("orders.opened", "shop/order-1", "shop"), (first.Message.Name, first.Message.Key, first.Message.Source));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Within_a_unit_of_work_an_append_is_read_back_and_goes_with_the_unit(string engine)
    {
        var streams = await OpenAsync(engine);
        var units = new PluginUnits(new UnitsOfWork(() => opened!.Records), "shop");
        await streams.AppendAsync("s", [Event("s.a", 1)], cancellationToken: Token);

        await Assert.ThrowsAsync<FormatException>(async () => await units.RunAsync(async token =>
        {
            await streams.AppendAsync("s", [Event("s.lost", 2)], 1, token);
            throw new FormatException();
        }, Token));
        await units.RunAsync(async token =>
        {
            await streams.AppendAsync("s", [Event("s.b", 2)], 1, token);
            await streams.AppendAsync("s", [Event("s.c", 3)], 2, token);
            Assert.Equal("1 2 3", await NumbersAsync(streams, new StreamQuery("s")));
            Assert.Equal("3 2", await NumbersAsync(streams, new StreamQuery("s") { Backward = true, Limit = 2 }));
        }, Token);

        Assert.Equal(["1 s.a 1", "2 s.b 2", "3 s.c 3"], await LinesAsync(streams, new StreamQuery("s")));
        Assert.Equal(["s.a", "s.b", "s.c"], (await opened!.Events.ReadAsync(new EventQuery(), Token)).Events.Select(e => e.Message.Name));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Streams_of_plugins_and_tenants_do_not_see_each_other(string engine)
    {
        var shop = await OpenAsync(engine);
        var crm = new EventStreams(opened!.Records, "crm", TimeProvider.System);
        await shop.AppendAsync("s", [Event("s.a", 1)], cancellationToken: Token);

        Assert.Equal(1, await crm.AppendAsync("s", [Event("s.b", 1)], 0, Token));
        var before = CallContext.Current;
        CallContext.Current = new CallContext(Caller.System, "t2", "c");
        Assert.Equal(0, (await shop.ReadAsync(new StreamQuery("s"), Token)).Version);
        CallContext.Current = before;
        Assert.Equal("s.a", Assert.Single((await shop.ReadAsync(new StreamQuery("s"), Token)).Events).Message.Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("ä")]
    public async Task A_stream_has_a_plain_name(string name)
    {
        var streams = await OpenAsync("memory");

        Assert.Equal("VALIDATION_ERROR", (await Assert.ThrowsAsync<NexusException>(async () => await streams.AppendAsync(name, [Event("a.b", 1)], cancellationToken: Token))).Code);
    }

    private static EventMessage Event(string name, long number) => new() { Name = name, Data = Encoding.UTF8.GetBytes(number.ToString(System.Globalization.CultureInfo.InvariantCulture)) };

    private static async Task<string[]> LinesAsync(IEventStreams streams, StreamQuery query) =>
        [.. (await streams.ReadAsync(query, Token)).Events.Select(e => $"{e.Version} {e.Message.Name} {Encoding.UTF8.GetString(e.Message.Data.Span)}")];

    private static async Task<string> NumbersAsync(IEventStreams streams, StreamQuery query) =>
        string.Join(' ', (await streams.ReadAsync(query, Token)).Events.Select(e => e.Version));

    private async Task<IEventStreams> OpenAsync(string engine)
    {
        IStorageEngine chosen = engine == "memory" ? new MemoryStorage(TimeProvider.System) : new SqliteStorage(TimeProvider.System);
        opened = await chosen.OpenAsync(new StorageOptions(folder), Token);
        return new EventStreams(opened.Records, "shop", TimeProvider.System);
    }
}
