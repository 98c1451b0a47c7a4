using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Forwarding;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Resources;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>
/// The schema that this node composes of the subgraphs in its configuration. It looks at their schemas regularly, and at once when the configuration changes or a subgraph does not know what
/// its schema said. A subgraph that is down keeps the schema it told last; subgraphs that contradict each other leave the composed schema as it was. Thread-safe.
/// </summary>
internal sealed partial class ComposedGraph : BackgroundService
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);
    private static readonly byte[] Question = """{"query":"{ _service { sdl } }"}"""u8.ToArray();
    private readonly IOptionsMonitor<GraphQLOptions> options;
    private readonly NodeConnections connections;
    private readonly ForwardingSettings forwarding;
    private readonly TimeProvider time;
    private readonly ILogger<ComposedGraph> log;
    private readonly IDisposable? following;
    private readonly SemaphoreSlim looking = new(1, 1);
    private readonly Dictionary<string, Subgraph> subgraphs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> texts = new(StringComparer.Ordinal);
    private readonly HashSet<string> silent = new(StringComparer.Ordinal);
    private CancellationTokenSource wake = new();
    private string composedOf = "";
    private string? refused;
    private long version;
    private long? lookedAt;
    private volatile ComposedState? current;
    private volatile Subgraph[] all = [];

    public ComposedGraph(IOptionsMonitor<GraphQLOptions> options, NodeConnections connections, ForwardingSettings forwarding, TimeProvider time, ILogger<ComposedGraph> log)
    {
        (this.options, this.connections, this.forwarding, this.time, this.log) = (options, connections, forwarding, time, log);
        following = options.OnChange(_ => Wake());
    }

    /// <summary>This node composes subgraphs.</summary>
    public bool IsOn => options.CurrentValue.Subgraphs.Count > 0;

    /// <summary>Its subgraphs, by name.</summary>
    public IReadOnlyList<Subgraph> Subgraphs => all;

    /// <summary>Whether a subgraph told no schema when it was last asked.</summary>
    public bool IsSilent(string subgraph)
    {
        lock (silent)
            return silent.Contains(subgraph);
    }

    /// <summary>What is composed now.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c>: nothing could be composed yet.</exception>
    public async ValueTask<ComposedState> CurrentAsync(CancellationToken cancellationToken)
    {
        if (current is { } known)
            return known;
        // Whoever comes first after the start does not wait for the next look.
        await LookAsync(least: Soon, cancellationToken);
        return current ?? throw new NexusException(ErrorCodes.ServiceUnavailable, refused ?? $"None of the subgraphs has told its schema yet: {string.Join(", ", options.CurrentValue.Subgraphs.Keys.Order(StringComparer.Ordinal))}.");
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        following?.Dispose();
        looking.Dispose();
        wake.Dispose();
        foreach (var subgraph in subgraphs.Values)
            subgraph.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            using var woken = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, Rearm());
            try
            {
                await LookAsync(least: TimeSpan.Zero, stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                // What is composed stays; the next look may do better.
                TellFailed(log, exception);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            var turn = !IsOn ? Timeout.InfiniteTimeSpan : silent.Count > 0 ? Soon : TimeSpan.FromSeconds(options.CurrentValue.SubgraphSeconds);
            await Task.Delay(turn, time, woken.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private CancellationToken Rearm()
    {
        var next = new CancellationTokenSource();
        Interlocked.Exchange(ref wake, next).Dispose();
        return next.Token;
    }

    private void Wake()
    {
        try
        {
            wake.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // A look begins in this moment anyway.
        }
    }

    /// <summary>Asks the subgraphs for their schemas and composes them when something has changed.</summary>
    /// <param name="least">Time since the last look below which there is none; the schemas of that one count.</param>
    /// <param name="cancellationToken">The caller gives up.</param>
    private async Task LookAsync(TimeSpan least, CancellationToken cancellationToken)
    {
        await looking.WaitAsync(cancellationToken);
        try
        {
            if (lookedAt is { } at && least > TimeSpan.Zero && (current is not null || time.GetElapsedTime(at) < least))
                return;
            Configure();
            if (subgraphs.Count == 0)
            {
                (current, composedOf, refused) = (null, "", null);
                return;
            }
            foreach (var (name, text) in await Task.WhenAll(subgraphs.Values.Select(subgraph => AskAsync(subgraph, cancellationToken))))
            {
                if (text is not null)
                    texts[name] = text;
            }
            Compose();
            lookedAt = time.GetTimestamp();
        }
        finally
        {
            looking.Release();
        }
    }

    /// <summary>Takes over the configuration; a subgraph whose part of it stayed the same stays the same.</summary>
    private void Configure()
    {
        var wanted = options.CurrentValue.Subgraphs;
        foreach (var name in subgraphs.Keys.Where(name => !wanted.TryGetValue(name, out var one) || Print(one) != Print(subgraphs[name].Options)).ToList())
        {
            // Not disposed: an operation may be asking it still. It holds nothing but memory. What it told last counts until it tells from its new address.
            subgraphs.Remove(name);
            silent.Remove(name);
            if (!wanted.ContainsKey(name))
                texts.Remove(name);
        }
        foreach (var (name, one) in wanted)
        {
            if (!subgraphs.ContainsKey(name))
                subgraphs[name] = new Subgraph(name, one, connections.Invoker, new Breaker(forwarding.Current.Breaker, time));
        }
        all = [.. subgraphs.Values.OrderBy(subgraph => subgraph.Name, StringComparer.Ordinal)];
    }

    private static string Print(SubgraphOptions one) => string.Create(CultureInfo.InvariantCulture, $"{one.Url} {one.TimeoutSeconds} {one.AnswerBytes} {one.Requests}");

    private async Task<(string Name, string? Text)> AskAsync(Subgraph subgraph, CancellationToken cancellationToken)
    {
        var problem = $"The subgraph {subgraph.Name} tells no schema; is graphql.federation on there?";
        try
        {
            var answer = await subgraph.SendAsync(Question, [], cancellationToken);
            if (answer.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object && data.TryGetProperty("_service", out var service) && service.ValueKind == JsonValueKind.Object
                && service.TryGetProperty("sdl", out var sdl) && sdl.ValueKind == JsonValueKind.String)
            {
                lock (silent)
                {
                    if (silent.Remove(subgraph.Name))
                        TellBack(log, subgraph.Name);
                }
                return (subgraph.Name, sdl.GetString());
            }
        }
        catch (ElsewhereException exception)
        {
            problem = exception.Message;
        }
        catch (InvalidOperationException)
        {
            // A text with half a character is no schema either.
        }
        lock (silent)
        {
            if (silent.Add(subgraph.Name))
                TellSilent(log, subgraph.Name, problem);
        }
        return (subgraph.Name, null);
    }

    private void Compose()
    {
        var known = texts.OrderBy(text => text.Key, StringComparer.Ordinal).ToList();
        var of = string.Join('\0', known.SelectMany(text => new[] { text.Key, Print(subgraphs[text.Key].Options), text.Value }));
        if (known.Count == 0 || of == composedOf)
            return;
        composedOf = of;
        try
        {
            var composed = Composer.Compose(known.Select(text => SubgraphDocument.Read(text.Key, text.Value)));
            current = new ComposedState(new PreparedSchema(++version, composed.Schema), composed, known.ToFrozenDictionary(text => text.Key, text => subgraphs[text.Key], StringComparer.Ordinal), Wake);
            refused = null;
            TellComposed(log, string.Join(", ", known.Select(text => text.Key)));
        }
        catch (CompositionException exception)
        {
            refused = $"The subgraphs do not make one schema. {exception.Message}";
            TellRefused(log, current is null ? "Nothing is served" : "What was composed before stays", exception.Message);
        }
    }

    [LoggerMessage(22, LogLevel.Information, "The schemas of the subgraphs {Subgraphs} are composed and served.")]
    private static partial void TellComposed(ILogger log, string subgraphs);

    [LoggerMessage(23, LogLevel.Error, "The subgraphs do not make one schema. {Consequence}. {Problems}")]
    private static partial void TellRefused(ILogger log, string consequence, string problems);

    [LoggerMessage(24, LogLevel.Warning, "The schema of the subgraph {Subgraph} cannot be asked for; the one it told last counts. {Problem}")]
    private static partial void TellSilent(ILogger log, string subgraph, string problem);

    [LoggerMessage(25, LogLevel.Information, "The subgraph {Subgraph} tells its schema again.")]
    private static partial void TellBack(ILogger log, string subgraph);

    [LoggerMessage(26, LogLevel.Error, "The schemas of the subgraphs could not be looked at; what was composed before stays.")]
    private static partial void TellFailed(ILogger log, Exception exception);
}

/// <summary>What is composed at one time.</summary>
/// <param name="Prepared">The schema with the documents that were checked against it.</param>
/// <param name="Composed">Which subgraph gives what.</param>
/// <param name="Subgraphs">The subgraphs by name.</param>
/// <param name="Doubt">Has the schemas looked at soon.</param>
internal sealed record ComposedState(PreparedSchema Prepared, ComposedSchema Composed, FrozenDictionary<string, Subgraph> Subgraphs, Action Doubt);
