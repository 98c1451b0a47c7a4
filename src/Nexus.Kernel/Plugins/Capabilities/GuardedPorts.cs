using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Services;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Puts guards before the ports that rooms gave to a plugin.</summary>
internal static class GuardedPorts
{
    /// <summary>Key under which the unguarded repository is kept; an attribute needs a constant.</summary>
    public const string RepositoryKey = "nexus/unguarded";

    private static readonly object Unguarded = new();

    public static void Guard(IServiceCollection ports, CapabilityGuard guard)
    {
        Replace<IDocuments>(ports, inner => new GuardedDocuments(inner, guard));
        Replace<ISqlDatabase>(ports, inner => new GuardedSqlDatabase(inner, guard));
        Replace<IBlobs>(ports, inner => new GuardedBlobs(inner, guard));
        Replace<IEvents>(ports, inner => new GuardedEvents(inner, guard));
        Replace<IEventStreams>(ports, inner => new GuardedEventStreams(inner, guard));
        Replace<IServices>(ports, inner => new GuardedServices(inner, guard));
        Replace<IMail>(ports, inner => new GuardedMail(inner, guard));
        Replace<ITools>(ports, inner => new GuardedTools(inner, guard));
        Replace<IUnitOfWork>(ports, inner => new GuardedUnits(inner, guard));
        Replace<ICache>(ports, inner => new GuardedCache(inner, guard));
        var repositories = ports.FirstOrDefault(p => p.ServiceType == typeof(IRepository<>));
        if (repositories?.ImplementationType is { } implementation)
        {
            ports.Remove(repositories);
            ports.Add(ServiceDescriptor.KeyedSingleton(typeof(IRepository<>), RepositoryKey, implementation));
            ports.AddSingleton(guard);
            ports.AddSingleton(typeof(IRepository<>), typeof(GuardedRepository<>));
        }
    }

    private static void Replace<T>(IServiceCollection ports, Func<T, T> guarded)
        where T : class
    {
        if (ports.FirstOrDefault(p => p.ServiceType == typeof(T)) is not { } open)
            return;
        ports.Remove(open);

        // The container makes the open one and so disposes it; its key is an object that nobody else has.
        if (open.ImplementationInstance is T instance)
            ports.AddKeyedSingleton(Unguarded, instance);
        else
            ports.AddKeyedSingleton(Unguarded, (services, _) => (T)open.ImplementationFactory!(services));
        ports.AddSingleton(services => guarded(services.GetRequiredKeyedService<T>(Unguarded)));
    }
}

/// <summary>Tools behind <c>services</c>: they act in other plugins. Asked at each call, so that a revocation cuts functions that are held already.</summary>
internal sealed class GuardedTools(ITools inner, CapabilityGuard guard) : ITools
{
    public async ValueTask<ImmutableArray<AIFunction>> ListAsync(CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Services, typeof(ITools).FullName);
        return [.. (await inner.ListAsync(cancellationToken)).Select(f => new Function(f, guard))];
    }

    private sealed class Function(AIFunction inner, CapabilityGuard guard) : DelegatingAIFunction(inner)
    {
        protected override ValueTask<object?> InvokeCoreAsync(AIFunctionArguments arguments, CancellationToken cancellationToken)
        {
            guard.Demand(Capability.Services, Name);
            return base.InvokeCoreAsync(arguments, cancellationToken);
        }
    }
}

/// <summary>Documents behind <c>database.read</c> and <c>database.write</c>.</summary>
internal sealed class GuardedDocuments(IDocuments inner, CapabilityGuard guard) : IDocuments
{
    public ValueTask<Document?> FindAsync(string path, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead, path);
        return inner.FindAsync(path, cancellationToken);
    }

    public ValueTask<DocumentPage> QueryAsync(DocumentQuery query, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead, query.Prefix);
        return inner.QueryAsync(query, cancellationToken);
    }

    public async ValueTask CommitAsync(ImmutableArray<DocumentWrite> writes, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        if (!writes.IsDefaultOrEmpty)
            guard.Demand(Capability.DatabaseWrite, writes[0].Path);
        if (!events.IsDefaultOrEmpty)
        {
            guard.Demand(Capability.EventsPublish, events[0].Name);
            guard.Allowance.Publish(events.Length);
        }

        var more = guard.Allowance.CountsStorage && !writes.IsDefaultOrEmpty ? await MoreAsync(writes, cancellationToken) : 0;
        guard.Allowance.Store(more);
        try
        {
            await inner.CommitAsync(writes, events, cancellationToken);
        }
        catch
        {
            guard.Allowance.Store(-more);
            throw;
        }
    }

    private async Task<long> MoreAsync(ImmutableArray<DocumentWrite> writes, CancellationToken cancellationToken)
    {
        long more = 0;
        foreach (var write in writes)
        {
            var before = await inner.FindAsync(write.Path, cancellationToken);
            more += (write.Delete ? 0 : JsonSerializer.SerializeToUtf8Bytes(write.Value).Length) - (before is null ? 0 : JsonSerializer.SerializeToUtf8Bytes(before.Value).Length);
        }

        return more;
    }
}

/// <summary>The plugin's SQL database behind <c>database.read</c> and <c>database.write</c>.</summary>
internal sealed class GuardedSqlDatabase(ISqlDatabase inner, CapabilityGuard guard) : ISqlDatabase
{
    public string Dialect => inner.Dialect;

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead);
        return inner.QueryAsync(sql, parameters, cancellationToken);
    }

    public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        return inner.WriteAsync((session, token) => work(new Session(session, guard), token), cancellationToken);
    }

    private sealed class Session(ISqlSession inner, CapabilityGuard guard) : ISqlSession
    {
        public string Dialect => inner.Dialect;

        public ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null)
        {
            DemandRoom(sql);
            return inner.ExecuteAsync(sql, parameters);
        }

        public ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
        {
            DemandRoom(sql);
            return inner.ExecuteManyAsync(sql, parameters, rows);
        }

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) => inner.QueryAsync(sql, parameters);

        public void Publish(EventMessage message)
        {
            guard.Demand(Capability.EventsPublish, message.Name);
            guard.Allowance.Publish(1);
            inner.Publish(message);
        }

        /// <summary>A plugin that stores too much may still delete.</summary>
        private void DemandRoom(string sql)
        {
            if (guard.Allowance.CountsStorage && !sql.AsSpan().TrimStart().StartsWith("DELETE", StringComparison.OrdinalIgnoreCase))
                guard.Allowance.StoreMore();
        }
    }
}

/// <summary>Units of work behind <c>database.write</c>, or <c>events.publish</c> for who only publishes. What was revoked while a unit ran takes the unit back.</summary>
internal sealed class GuardedUnits(IUnitOfWork inner, CapabilityGuard guard) : IUnitOfWork
{
    public ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        var needed = guard.Allows(Capability.DatabaseWrite) || !guard.Allows(Capability.EventsPublish) ? Capability.DatabaseWrite : Capability.EventsPublish;
        guard.Demand(needed);
        return inner.RunAsync(async token =>
        {
            var result = await work(token);
            guard.Demand(needed);
            return result;
        }, cancellationToken);
    }
}

/// <summary>Blobs behind <c>database.read</c> and <c>database.write</c>.</summary>
internal sealed class GuardedBlobs(IBlobs inner, CapabilityGuard guard) : IBlobs
{
    public async ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        var reference = await inner.PutAsync(content, cancellationToken);
        try
        {
            guard.Allowance.Store(reference.Length);
        }
        catch (NexusException)
        {
            // The length of a stream is known only when it was read.
            await inner.DeleteAsync(reference.Sha256, CancellationToken.None);
            throw;
        }

        return reference;
    }

    public ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead);
        return inner.OpenAsync(sha256, cancellationToken);
    }

    public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        return inner.DeleteAsync(sha256, cancellationToken);
    }
}

/// <summary>The bus behind <c>events.publish</c> and <c>events.subscribe</c>.</summary>
internal sealed class GuardedEvents(IEvents inner, CapabilityGuard guard) : IEvents
{
    public ValueTask<Guid> PublishAsync(EventMessage message, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default)
    {
        Demand(message.Name, 1);
        return inner.PublishAsync(message, delivery, cancellationToken);
    }

    public ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default)
    {
        if (!messages.IsDefaultOrEmpty)
            Demand(messages[0].Name, messages.Length);
        return inner.PublishAsync(messages, delivery, cancellationToken);
    }

    public IDisposable Subscribe(SubscriptionDescriptor subscription)
    {
        guard.Demand(Capability.EventsSubscribe, subscription.Pattern);
        return inner.Subscribe(guard.Wrap(subscription));
    }

    public ValueTask<EventMessage> RequestAsync(EventMessage message, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        Demand(message.Name, 1);
        return inner.RequestAsync(message, timeout, cancellationToken);
    }

    private void Demand(string name, int number)
    {
        guard.Demand(Capability.EventsPublish, name);
        guard.Allowance.Publish(number);
    }
}

/// <summary>Streams behind <c>events.publish</c> and the capabilities of the database, as which they are kept.</summary>
internal sealed class GuardedEventStreams(IEventStreams inner, CapabilityGuard guard) : IEventStreams
{
    public ValueTask<long> AppendAsync(string stream, ImmutableArray<EventMessage> events, long? expectedVersion = null, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite, stream);
        if (!events.IsDefaultOrEmpty)
        {
            guard.Demand(Capability.EventsPublish, events[0].Name);
            guard.Allowance.Publish(events.Length);
        }

        return inner.AppendAsync(stream, events, expectedVersion, cancellationToken);
    }

    public ValueTask<StreamPage> ReadAsync(StreamQuery query, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead, query?.Stream);
        return inner.ReadAsync(query!, cancellationToken);
    }
}

/// <summary>Services of other plugins behind <c>services</c>, when they are looked up and at each call.</summary>
internal sealed class GuardedServices : IServices
{
    private readonly IServices inner;
    private readonly CapabilityGuard guard;

    public GuardedServices(IServices inner, CapabilityGuard guard)
    {
        (this.inner, this.guard) = (inner, guard);
        if (inner is PluginServices own)
            own.Guard = guard;
    }

    public T Get<T>(string? implementation = null)
        where T : class
    {
        guard.Demand(Capability.Services, typeof(T).FullName);
        return inner.Get<T>(implementation);
    }

    public T? Find<T>(string implementation)
        where T : class
    {
        guard.Demand(Capability.Services, typeof(T).FullName);
        return inner.Find<T>(implementation);
    }

    public ImmutableArray<T> GetAll<T>()
        where T : class
    {
        guard.Demand(Capability.Services, typeof(T).FullName);
        return inner.GetAll<T>();
    }
}

/// <summary>The plugin's part of the cache behind <c>cache</c>.</summary>
internal sealed class GuardedCache(ICache inner, CapabilityGuard guard) : ICache, IMemoryReader
{
    private readonly IMemoryReader? reader = inner as IMemoryReader;

    public bool TryRead(KnownKey key, out CachedValue value)
    {
        guard.Demand(Capability.Cache);
        value = default;
        return reader is not null && reader.TryRead(key, out value);
    }

    public ValueTask<CachedValue> FindAsync(CacheKey key, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Cache, key.Text);
        return inner.FindAsync(key, cancellationToken);
    }

    public ValueTask<CachedValue> GetAsync(CacheKey key, CacheLoad load, CacheRules? rules = null, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Cache, key.Text);
        return inner.GetAsync(key, load, rules, cancellationToken);
    }

    public ValueTask SetAsync(CacheKey key, ReadOnlyMemory<byte> value, CacheRules? rules = null, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Cache, key.Text);
        return inner.SetAsync(key, value, rules, cancellationToken);
    }

    public ValueTask<long> RemoveAsync(CacheSelection selection, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Cache);
        return inner.RemoveAsync(selection, cancellationToken);
    }

    public ValueTask<long> AddAsync(CacheKey key, long by = 1, TimeSpan? life = null, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Cache, key.Text);
        return inner.AddAsync(key, by, life, cancellationToken);
    }
}

/// <summary>Records behind <c>database.read</c> and <c>database.write</c>.</summary>
internal sealed class GuardedRepository<T>([FromKeyedServices(GuardedPorts.RepositoryKey)] IRepository<T> inner, CapabilityGuard guard) : IRepository<T>
    where T : Resource
{
    public ValueTask<T?> FindAsync(Guid id, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead);
        return inner.FindAsync(id, cancellationToken);
    }

    public ValueTask<ResourcePage<T>> ListAsync(ResourceQuery query, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseRead);
        return inner.ListAsync(query, cancellationToken);
    }

    public ValueTask<T> CreateAsync(T record, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        return inner.CreateAsync(record, cancellationToken);
    }

    public ValueTask<T> UpdateAsync(T record, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        return inner.UpdateAsync(record, cancellationToken);
    }

    public ValueTask<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.DatabaseWrite);
        return inner.DeleteAsync(id, cancellationToken);
    }
}

/// <summary>Mail behind <c>services</c>: another plugin sends it.</summary>
internal sealed class GuardedMail(IMail inner, CapabilityGuard guard) : IMail
{
    public ValueTask SendAsync(Letter letter, CancellationToken cancellationToken = default)
    {
        guard.Demand(Capability.Services, typeof(IMail).FullName);
        return inner.SendAsync(letter, cancellationToken);
    }
}
