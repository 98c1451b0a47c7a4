using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Pipeline;

public sealed class Idempotency
{
    [Fact]
    public async Task A_plugins_own_post_runs_once_for_a_key_and_its_answer_is_replayed()
    {
        var runs = 0;
        await using var host = await StartAsync(async c =>
        {
            runs++;
            c.Response.StatusCode = 202;
            c.Response.ContentType = "text/plain";
            c.Response.Headers["X-Run"] = runs.ToString(CultureInfo.InvariantCulture);
            await c.Response.WriteAsync($"run {runs}");
        });

        var first = await PostAsync(host, "key-1", """{"a":1}""");
        var second = await PostAsync(host, "key-1", """{"a":1}""");
        var other = await PostAsync(host, "key-1", """{"a":2}""");
        var without = await PostAsync(host, null, """{"a":1}""");

        Assert.Equal("run 1", await first.Content.ReadAsStringAsync());
        Assert.Equal(202, (int)second.StatusCode);
        Assert.Equal("run 1", await second.Content.ReadAsStringAsync());
        Assert.Equal("1", second.Headers.GetValues("X-Run").Single());
        Assert.Equal("text/plain", second.Content.Headers.ContentType!.ToString());
        Assert.Equal("true", second.Headers.GetValues("Idempotency-Replayed").Single());
        await Problems.AssertAsync(other, 422, "IDEMPOTENCY_CONFLICT");
        Assert.Equal("run 2", await without.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_failed_run_gives_the_key_back()
    {
        var runs = 0;
        await using var host = await StartAsync(c => ++runs == 1 ? throw new InvalidOperationException("no") : c.Response.WriteAsync("done"));

        await Problems.AssertAsync(await PostAsync(host, "key-1", "{}"), 500, "INTERNAL_ERROR");
        Assert.Equal("done", await (await PostAsync(host, "key-1", "{}")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Two_at_once_with_one_key_run_once()
    {
        var release = new TaskCompletionSource();
        var entered = new TaskCompletionSource();
        await using var host = await StartAsync(async c =>
        {
            entered.SetResult();
            await release.Task;
            await c.Response.WriteAsync("once");
        });

        var first = PostAsync(host, "key-1", "{}");
        await entered.Task;
        var second = await PostAsync(host, "key-1", "{}");
        release.SetResult();

        await Problems.AssertAsync(second, 409, "IDEMPOTENCY_IN_FLIGHT");
        Assert.Equal("1", second.Headers.GetValues("Retry-After").Single());
        Assert.Equal("once", await (await first).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_answer_over_a_mebibyte_goes_through_and_a_repeat_is_told_so()
    {
        var runs = 0;
        await using var host = await StartAsync(c => { runs++; return c.Response.WriteAsync(new string('x', 3_000_000)); });

        var first = await PostAsync(host, "key-1", "{}");
        var second = await PostAsync(host, "key-1", "{}");

        Assert.Equal(3_000_000, (await first.Content.ReadAsStringAsync()).Length);
        await Problems.AssertAsync(second, 409, "IDEMPOTENCY_ANSWER_NOT_KEPT");
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_key_is_forgotten_after_a_day()
    {
        var storage = new FakeStorage();
        var place = new RecordKey(CallContext.DefaultTenant, IStorage.Answers, "old");
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = place, Record = new StoredRecord { Id = place.Id, Revision = 1, UpdatedAt = TimeProvider.System.GetUtcNow().AddHours(-25), Json = "{}"u8.ToArray() } }] }, default);
        await using var host = await StartAsync(c => c.Response.WriteAsync("ran"), storage);

        await PostAsync(host, "key-1", "{}");

        using var limit = new CancellationTokenSource(Until.Patience);
        while (await storage.FindAsync(place, default) is not null && !limit.IsCancellationRequested)
            await Task.Delay(10);
        Assert.Null(await storage.FindAsync(place, default));
    }

    [Fact]
    public async Task A_stored_answer_is_encrypted_with_its_headers_and_bound_to_its_key()
    {
        var (storage, protection) = (new FakeStorage(), new PlacedProtection());
        await using var host = await StartAsync(c =>
        {
            c.Response.Headers["X-Account"] = "DE4711";
            return c.Response.WriteAsync("balance 42");
        }, storage, protection);

        await PostAsync(host, "key-1", "{}");
        var replayed = await PostAsync(host, "key-1", "{}");
        var stored = (await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = IStorage.Answers }, default)).Records.Single();

        Assert.Equal(("balance 42", "DE4711", "true"), (await replayed.Content.ReadAsStringAsync(), replayed.Headers.GetValues("X-Account").Single(), replayed.Headers.GetValues("Idempotency-Replayed").Single()));
        var node = System.Text.Json.Nodes.JsonNode.Parse(stored.Json.Span)!;
        Assert.Equal((0, true, true), (node["headers"]!.AsObject().Count, node["body"] is null, ((string)node["sealed"]!).Length > 0));
        Assert.Equal([$"default/nexus.answers/{stored.Id}/reply"], protection.Places.Distinct());
    }

    [Fact]
    public async Task An_answer_that_cannot_be_encrypted_goes_out_and_is_not_kept()
    {
        var storage = new FakeStorage();
        await using var host = await StartAsync(c => c.Response.WriteAsync("balance 42"), storage, new PlacedProtection { Fails = true });

        var first = await PostAsync(host, "key-1", "{}");
        var second = await PostAsync(host, "key-1", "{}");

        Assert.Equal("balance 42", await first.Content.ReadAsStringAsync());
        await Problems.AssertAsync(second, 409, "IDEMPOTENCY_ANSWER_NOT_KEPT");
    }

    [Fact]
    public async Task A_key_that_is_not_visible_ascii_is_refused()
    {
        await using var host = await StartAsync(c => c.Response.WriteAsync("ran"));

        await Problems.AssertAsync(await PostAsync(host, new string('k', 201), "{}"), 400, "BAD_REQUEST");
    }

    private static async Task<GatewayHost> StartAsync(RequestDelegate handler, FakeStorage? storage = null, IFieldProtection? protection = null)
    {
        var host = await GatewayHost.StartAsync(configure: s =>
        {
            s.AddSingleton<IStorage>(storage ?? new FakeStorage());
            if (protection is not null)
                s.AddSingleton(protection);
        });
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/v", handler)));
        return host;
    }

    private static Task<HttpResponseMessage> PostAsync(GatewayHost host, string? key, string body) =>
        Resource_routes.SendAsync(host, HttpMethod.Post, "/api/custom/probe/v", body, key is null ? [] : [("Idempotency-Key", key)]);

    /// <summary>Writes the place before the inverted value, and opens it at that place only.</summary>
    private sealed class PlacedProtection : IFieldProtection
    {
        public List<string> Places { get; } = [];

        public bool Fails { get; init; }

        public ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken)
        {
            Places.Add(System.Text.Encoding.UTF8.GetString(place.Span));
            return Fails ? throw new NexusException(ErrorCodes.ProtectionFailed, "no key") : new((byte[])[.. place.Span, .. value.ToArray().Select(b => (byte)~b)]);
        }

        public ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken) =>
            sealedValue.Span.StartsWith(place.Span) ? new(sealedValue[place.Length..].ToArray().Select(b => (byte)~b).ToArray()) : throw new NexusException(ErrorCodes.ProtectionFailed, "elsewhere");

        public ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
