using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Nexus.Faults.Tests.History;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Load;

/// <summary>Clients that do everything at once, each with a sequence that the seed decides, at a node or the balancer, and take down what they did and were told.</summary>
internal sealed partial class Workload : IAsyncDisposable
{
    private static readonly Deed[] Mixture = Mix((Deed.Read, 28), (Deed.Create, 14), (Deed.Update, 20), (Deed.Delete, 3), (Deed.Publish, 9), (Deed.Enqueue, 4), (Deed.EnqueueLoose, 2), (Deed.Post, 8), (Deed.CacheWrite, 4), (Deed.CacheRead, 7), (Deed.SignIn, 1));
    private static readonly string[] Accounts = ["Assets:Bank", "Assets:Cash", "Expenses:Food"];
    private readonly Cluster cluster;
    private readonly int seed;
    private readonly Recorder recorder;
    private readonly ConcurrentDictionary<string, long> boxes = new();
    private readonly ConcurrentBag<string> gone = [];
    private readonly ConcurrentQueue<string> young = new();
    private readonly CancellationTokenSource ending = new();
    private Task running = Task.CompletedTask;
    private string book = "";
    private int acknowledged;

    private Workload(Cluster cluster, int seed)
    {
        (this.cluster, this.seed) = (cluster, seed);
        recorder = new Recorder($"s{seed}");
    }

    public Recorder Recorder => recorder;

    /// <summary>Nodes that no client asks by name, such as one that is paused; the balancer does what it does.</summary>
    public ConcurrentDictionary<string, bool> Avoided { get; } = [];

    /// <summary>Waits, bounded, until so many more operations were acknowledged: that the load gets through is part of the promise.</summary>
    public async Task ProgressAsync(int operations, int seconds = 90, bool orDone = false)
    {
        var (clock, goal) = (recorder.Now, Acknowledged + operations);
        while (Acknowledged < goal && !(orDone && IsDone))
        {
            Assert.True(recorder.Now - clock < TimeSpan.FromSeconds(seconds), $"only {Acknowledged - goal + operations} of {operations} operations were acknowledged within {seconds} s: {recorder}; last {string.Join(", ", recorder.All.TakeLast(5).Select(o => $"{o.Deed} at {o.Node}: {o.Answer}"))}");
            await Task.Delay(20);
        }
    }

    private int Acknowledged => Volatile.Read(ref acknowledged);

    /// <summary>Starts the clients; they go on until so many operations were taken down, or the load is ended.</summary>
    public static async Task<Workload> StartAsync(Cluster cluster, int seed, int operations = int.MaxValue, int clients = 12)
    {
        var load = new Workload(cluster, seed);
        load.book = await load.OpenBookAsync();
        load.running = Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => load.ClientAsync(client, operations), CancellationToken.None)));
        return load;
    }

    /// <summary>Whether the clients are done with what they were asked for.</summary>
    public bool IsDone => running.IsCompleted;

    /// <summary>Ends the clients, waits until all is well and what was asked for is done, and has the checker judge; the state is given back for more questions.</summary>
    public async Task<FinalState> EndAsync()
    {
        await StopAsync();
        await cluster.RecoveredAsync();
        return await CheckAsync();
    }

    public async Task StopAsync()
    {
        await ending.CancelAsync();
        await running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        ending.Dispose();
    }

    /// <summary>Asks for tasks that take a second each.</summary>
    public Task AskLongAsync(int tasks, Target target) => Task.WhenAll(Enumerable.Range(0, tasks).Select(_ => EffectAsync(Deed.Enqueue, 0, target, "work", id => $"enqueue?op={id}&task=long")));

    private async Task ClientAsync(int client, int operations)
    {
        // CA5394: what is wanted is a sequence that can be had again.
#pragma warning disable CA5394
        var random = new Random(HashCode.Combine(seed, client));
        while (recorder.Count < operations && !ending.IsCancellationRequested)
        {
            var deed = Mixture[random.Next(Mixture.Length)];
            var target = cluster.Targets[random.Next(cluster.Targets.Count)];
            if (Avoided.ContainsKey(target.Name)) target = cluster.Balancer;
            var choice = random.Next();
#pragma warning restore CA5394
            var outcome = await DoAsync(deed, client, target, choice);
            // Who gets no answer waits a little, as people do. Where a fault is what is looked at, the load leaves it some of the machine.
            if (outcome != Outcome.Ok || operations == int.MaxValue) await Task.Delay(20, CancellationToken.None);
        }
    }

    private Task<Outcome> DoAsync(Deed deed, int client, Target target, int choice) => deed switch
    {
        Deed.Create => CreateAsync(client, target),
        Deed.Update => UpdateAsync(client, target, choice),
        Deed.Delete => DeleteAsync(client, target, choice),
        Deed.Read => choice % 32 == 0 ? ListAsync(client, target) : ReadAsync(client, target, choice),
        Deed.Publish => EffectAsync(deed, client, target, $"{recorder.Run}.c{choice % 5}", id => $"publish?op={id}&counter={recorder.Run}.c{choice % 5}"),
        Deed.Enqueue => EffectAsync(deed, client, target, "work", id => $"enqueue?op={id}&task=work"),
        Deed.EnqueueLoose => EffectAsync(deed, client, target, "loose", id => $"enqueue?op={id}&task=loose"),
        Deed.Post => PostAsync(client, target, choice),
        Deed.CacheWrite => CacheWriteAsync(client, target, choice),
        Deed.CacheRead => CacheReadAsync(client, target, choice),
        _ => SessionAsync(client, choice),
    };

    private async Task<Outcome> CreateAsync(int client, Target target)
    {
        var (id, key, began) = (recorder.NextId(), $"{Guid.CreateVersion7()}", recorder.Now);
        // With an idempotency key it may be asked again, at whichever node, until somebody answers.
        var (status, text) = await InsistAsync(target, HttpMethod.Post, $"{LoadPlugin.Routes}/boxes", new { id = key, label = id }, ("Idempotency-Key", id));
        var outcome = status == 201 ? Outcome.Ok : Refused(status) ? Outcome.Failed : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = Deed.Create, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Revision = outcome == Outcome.Ok ? Number(text, "revision") : null, Value = id, Answer = $"{status} {Short(text)}" });
        if (outcome != Outcome.Failed && boxes.TryAdd(key, 1))
        {
            young.Enqueue(key);
            if (young.Count > 40) young.TryDequeue(out var _);
        }

        return outcome;
    }

    private async Task<Outcome> UpdateAsync(int client, Target target, int choice)
    {
        if (Pick(choice) is not var (key, revision)) return Outcome.Ok;
        var (id, began) = (recorder.NextId(), recorder.Now);
        var (status, text) = await target.SendAsync(HttpMethod.Put, $"{LoadPlugin.Routes}/boxes/{key}", cluster.Token, new { label = id }, ("If-Match", $"\"{revision}\""));
        // The balancer sends a PUT again when a node dies with it, and the second answer is not about the first.
        var outcome = status == 200 ? Outcome.Ok : Refused(status) && target != cluster.Balancer || status == Target.NotSent ? Outcome.Failed : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = Deed.Update, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Expected = revision, Revision = outcome == Outcome.Ok ? Number(text, "revision") : null, Value = id, Answer = $"{status} {Short(text)}" });
        if (outcome == Outcome.Ok) boxes.AddOrUpdate(key, revision + 1, (_, known) => Math.Max(known, revision + 1));
        // Somebody was faster, or the answer is missing: what is true is read.
        else if (status != 404) await ReadAsync(client, cluster.Balancer, key);
        return outcome;
    }

    private async Task<Outcome> DeleteAsync(int client, Target target, int choice)
    {
        if (Pick(choice) is not var (key, revision)) return Outcome.Ok;
        var (id, began) = (recorder.NextId(), recorder.Now);
        var (status, text) = await target.SendAsync(HttpMethod.Delete, $"{LoadPlugin.Routes}/boxes/{key}", cluster.Token, null, ("If-Match", $"\"{revision}\""));
        var outcome = status is >= 200 and < 300 ? Outcome.Ok : Refused(status) && target != cluster.Balancer ? Outcome.Failed : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = Deed.Delete, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Expected = revision, Answer = $"{status} {Short(text)}" });
        if (outcome == Outcome.Ok && boxes.TryRemove(key, out _)) gone.Add(key);
        return outcome;
    }

    private Task<Outcome> ReadAsync(int client, Target target, int choice)
    {
        if (choice % 16 == 1 && gone.TryPeek(out var deleted)) return ReadAsync(client, target, deleted);
        return Pick(choice) is var (key, _) ? ReadAsync(client, target, key) : Task.FromResult(Outcome.Ok);
    }

    private async Task<Outcome> ReadAsync(int client, Target target, string key)
    {
        var began = recorder.Now;
        var (status, text) = await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/boxes/{key}", cluster.Token);
        var outcome = status == 200 || status == 404 && text.Contains("RESOURCE_NOT_FOUND", StringComparison.Ordinal) ? Outcome.Ok : Outcome.Unknown;
        long? revision = status == 200 ? Number(text, "revision") : null;
        Take(new Operation { Id = recorder.NextId(), Deed = Deed.Read, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Revision = revision, Value = status == 200 ? Word(text, "label") : null, Answer = $"{status}" });
        if (revision is { } seen) boxes.AddOrUpdate(key, seen, (_, known) => Math.Max(known, seen));
        else if (outcome == Outcome.Ok) boxes.TryRemove(key, out _);
        return outcome;
    }

    /// <summary>A page of those that changed last; each of its records is a read.</summary>
    private async Task<Outcome> ListAsync(int client, Target target)
    {
        var began = recorder.Now;
        var (status, text) = await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/boxes?limit=10&sort=-updatedAt&filter[label][$prefix]={recorder.Run}-", cluster.Token);
        if (status != 200)
        {
            Take(new Operation { Id = recorder.NextId(), Deed = Deed.Read, Key = "list", Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = Outcome.Unknown, Answer = $"{status}" });
            return Outcome.Unknown;
        }

        var ended = recorder.Now;
        foreach (var record in JsonNode.Parse(text)!.AsArray())
            Take(new Operation { Id = recorder.NextId(), Deed = Deed.Read, Key = (string)record!["id"]!, Client = client, Node = target.Name, Invoked = began, Completed = ended, Outcome = Outcome.Ok, Revision = (long)record["revision"]!, Value = (string)record["label"]!, Answer = "200 of a list" });
        return Outcome.Ok;
    }

    private async Task<Outcome> EffectAsync(Deed deed, int client, Target target, string key, Func<string, string> path)
    {
        var (id, began) = (recorder.NextId(), recorder.Now);
        var (status, text) = await target.SendAsync(HttpMethod.Post, $"{LoadPlugin.Routes}/{path(id)}", cluster.Token, new { });
        var outcome = status is >= 200 and < 300 ? Outcome.Ok : Refused(status) || status == Target.NotSent ? Outcome.Failed : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = deed, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Answer = $"{status} {Short(text)}" });
        return outcome;
    }

    private async Task<Outcome> PostAsync(int client, Target target, int choice)
    {
        var (id, began, amount) = (recorder.NextId(), recorder.Now, $"{1 + choice % 90}.{choice % 10}0");
        var (from, to) = (Accounts[choice % 3], Accounts[(choice + 1) % 3]);
        var journal = new { book, bookedOn = "2024-01-15", payee = id, postings = new[] { new { account = to, amount, commodity = "EUR" }, new { account = from, amount = "-" + amount, commodity = "EUR" } } };
        var (status, text) = await InsistAsync(target, HttpMethod.Post, "/api/business/ledger/journals", journal, ("Idempotency-Key", id));
        var outcome = status == 201 ? Outcome.Ok : Refused(status) ? Outcome.Failed : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = Deed.Post, Key = book, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Value = amount, Answer = $"{status} {Short(text)}" });
        return outcome;
    }

    private async Task<Outcome> CacheWriteAsync(int client, Target target, int choice)
    {
        var (id, key, began) = (recorder.NextId(), $"{recorder.Run}k{choice % 20}", recorder.Now);
        var (status, text) = await target.SendAsync(HttpMethod.Put, $"{LoadPlugin.Routes}/cache/{key}?value={id}", cluster.Token, new { });
        // The balancer may have sent it twice, and the first one may come late.
        var outcome = status is >= 200 and < 300 && target != cluster.Balancer ? Outcome.Ok : Outcome.Unknown;
        Take(new Operation { Id = id, Deed = Deed.CacheWrite, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Value = id, Answer = $"{status} {Short(text)}" });
        return status is >= 200 and < 300 ? Outcome.Ok : outcome;
    }

    private async Task<Outcome> CacheReadAsync(int client, Target target, int choice)
    {
        var (key, began) = ($"{recorder.Run}k{choice % 20}", recorder.Now);
        var (status, text) = await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/cache/{key}", cluster.Token);
        var outcome = status is 200 or 204 ? Outcome.Ok : Outcome.Unknown;
        Take(new Operation { Id = recorder.NextId(), Deed = Deed.CacheRead, Key = key, Client = client, Node = target.Name, Invoked = began, Completed = recorder.Now, Outcome = outcome, Value = status == 200 ? text : null, Answer = $"{status}" });
        return outcome;
    }

    /// <summary>In one node, used at another, out at a third, then asked everywhere.</summary>
    private async Task<Outcome> SessionAsync(int client, int choice)
    {
        // A sign-in costs a password hash, which is slow on purpose: one in five of the choices signs in.
        if (choice % 5 != 0) return Outcome.Ok;
        var nodes = cluster.Targets.Where(t => t != cluster.Balancer && !Avoided.ContainsKey(t.Name)).ToArray();
        Target At(int step) => nodes[(choice / 5 + step) % nodes.Length];
        var (key, began) = (recorder.NextId(), recorder.Now);
        var (status, text) = await At(0).SendAsync(HttpMethod.Post, "/login", null, new { username = "admin", password = Cluster.Password });
        Session(Deed.SignIn, key, client, At(0), began, status);
        if (status != 200) return Outcome.Unknown;
        var token = Word(text, "access_token")!;
        await UseAsync(key, client, At(1), token);
        began = recorder.Now;
        (status, _) = await At(2).SendAsync(HttpMethod.Post, "/api/v1/auth/logout", token, new { });
        Session(Deed.Revoke, key, client, At(2), began, status);
        await Task.Delay(Checker.SessionsSettle);
        foreach (var target in cluster.Targets.Where(t => !Avoided.ContainsKey(t.Name))) await UseAsync(key, client, target, token);
        return Outcome.Ok;
    }

    private async Task UseAsync(string key, int client, Target target, string token)
    {
        var began = recorder.Now;
        var (status, _) = await target.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/boxes?limit=1", token);
        Session(Deed.Use, key, client, target, began, status);
    }

    private void Session(Deed deed, string key, int client, Target target, TimeSpan began, int status) => Take(new Operation
    {
        Id = recorder.NextId(),
        Deed = deed,
        Key = key,
        Client = client,
        Node = target.Name,
        Invoked = began,
        Completed = recorder.Now,
        Outcome = status is >= 200 and < 300 ? Outcome.Ok : status is 401 or 403 ? Outcome.Failed : Outcome.Unknown,
        Answer = $"{status}",
    });

    /// <summary>Asks, and asks again at another node with the same key while nobody says what became of it, at most 20 s.</summary>
    private async Task<(int Status, string Text)> InsistAsync(Target target, HttpMethod method, string path, object body, params (string Name, string Value)[] headers)
    {
        var began = recorder.Now;
        for (var i = cluster.Targets.ToList().IndexOf(target); ; i++)
        {
            var at = cluster.Targets[i % cluster.Targets.Count];
            var answer = Avoided.ContainsKey(at.Name) ? (Target.NotSent, "") : await at.SendAsync(method, path, cluster.Token, body, headers);
            if (answer.Item1 is >= 200 and < 300 || Refused(answer.Item1) || recorder.Now - began > TimeSpan.FromSeconds(20)) return answer;
            await Task.Delay(50);
        }
    }

    private void Take(Operation operation)
    {
        recorder.Add(operation);
        if (operation.Outcome == Outcome.Ok) Interlocked.Increment(ref acknowledged);
    }

    /// <summary>One of the youngest records, so that clients meet, and the revision last heard of.</summary>
    private (string Key, long Revision)? Pick(int choice)
    {
        var keys = young.ToArray();
        if (keys.Length == 0) return null;
        var key = keys[choice / 16 % keys.Length];
        return boxes.TryGetValue(key, out var revision) ? (key, revision) : null;
    }

    /// <summary>The request was understood and refused; 409 is also the answer while the first with the key still runs.</summary>
    private static bool Refused(int status) => status is >= 400 and < 500 and not (408 or 409 or 429);

    private static long? Number(string json, string name) => (long?)JsonNode.Parse(json)![name];

    private static string? Word(string json, string name) => (string?)JsonNode.Parse(json)![name];

    private static string Short(string text) => text.Length > 160 ? text[..160] : text;

    private static Deed[] Mix(params (Deed Deed, int Weight)[] parts) => [.. parts.SelectMany(p => Enumerable.Repeat(p.Deed, p.Weight))];
}
