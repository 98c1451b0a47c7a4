using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Services;

/// <summary>One implementation of one generation. For singletons it is itself the target of each call, so that a call allocates nothing.</summary>
internal sealed class ServiceBinding : ServiceTarget
{
    private readonly IGeneration _lease;
    private readonly ProvidedServiceDescriptor _service;
    private readonly ServiceCounters _counters;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly string _version;

    public ServiceBinding(ActivePlugin plugin, ProvidedServiceDescriptor service, ServiceCounters counters, ILogger logger, TimeProvider time)
    {
        (_lease, _service, _counters, _logger, _time) = (plugin.Lease, service, counters, logger, time);
        (Plugin, _version) = (plugin.Manifest.Name, plugin.Manifest.Version);
    }

    public string Plugin { get; }

    public string Contract => _service.Contract;

    public string Name => _service.Name;

    /// <summary>What attributes say of a method; null for nothing.</summary>
    public CallRules? RulesOf(string method) => _service.Rules.GetValueOrDefault(method);

    public bool Is(ActivePlugin plugin, ProvidedServiceDescriptor service) => ReferenceEquals(_lease, plugin.Lease) && ReferenceEquals(_service, service);

    public bool TryEnter() => _lease.TryEnter();

    /// <summary>The target of one call whose lease is taken; the lease is returned when the implementation cannot be made.</summary>
    public ServiceTarget Open()
    {
        if (Instance is not null)
            return this;
        try
        {
            if (_service.Lifetime != ServiceLifetime.Singleton)
                return new ScopedCall(this, _lease.Services.CreateAsyncScope());
            Instance = _service.Resolve(_lease.Services);
            return this;
        }
        catch (Exception error)
        {
            throw Fail("(constructor)", error, CancellationToken.None);
        }
    }

    public override void Exit()
    {
        _counters.Call();
        _lease.Exit();
    }

    public override Exception Fail(string method, Exception error, CancellationToken cancellationToken)
    {
        var outcome = Record(method, error, cancellationToken);
        Exit();
        return outcome;
    }

    public override ValueTask<ReadOnlyMemory<byte>> SendAsync(string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken) =>
        SendAsync(this, Instance!, method, arguments, cancellationToken);

    public ServiceStatus Describe() => new()
    {
        Contract = Contract,
        Name = Name,
        Plugin = Plugin,
        Lifetime = _service.Lifetime,
        Methods = _service.Methods,
        Calls = _counters.Calls,
        Errors = _counters.Errors,
        LastError = _counters.LastError,
        LastErrorAt = _counters.LastErrorAt,
    };

    private Exception Record(string method, Exception error, CancellationToken cancellationToken)
    {
        var outcome = ServiceFailure.Translate(error, $"{Contract}.{method} of the plugin {Plugin}", cancellationToken);
        if (outcome is not OperationCanceledException)
            FailureOrigin.Keep(outcome, FailureOrigin.Find(error) ?? new FailureOrigin(Plugin, _version, $"{Contract}.{method}"));
        if (outcome is NexusException { Code: ErrorCodes.InternalError })
        {
            // As text: a log sink that kept the exception would keep the plugin's code with it.
            _logger.LogError("The service call {Contract}.{Method} failed in plugin {Plugin}: {Error}", Contract, method, Plugin, error.ToString());
        }
        if (outcome is not OperationCanceledException)
            _counters.Fail($"{error.GetType().Name}: {error.Message}", _time.GetUtcNow());
        return outcome;
    }

    private async ValueTask<ReadOnlyMemory<byte>> SendAsync(ServiceTarget target, object instance, string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> result;
        try
        {
            result = await _service.Dispatch(instance, method, arguments, cancellationToken);
        }
        catch (Exception error)
        {
            throw target.Fail(method, error, cancellationToken);
        }
        target.Exit();
        return result;
    }

    /// <summary>A call on an instance of its own, in a scope of the provider that ends with the call.</summary>
    private sealed class ScopedCall : ServiceTarget
    {
        private readonly ServiceBinding _binding;
        private readonly AsyncServiceScope _scope;

        public ScopedCall(ServiceBinding binding, AsyncServiceScope scope)
        {
            (_binding, _scope) = (binding, scope);
            try
            {
                Instance = binding._service.Resolve(scope.ServiceProvider);
            }
            catch
            {
                scope.Dispose();
                throw;
            }
        }

        public override void Exit() => _ = EndAsync();

        public override Exception Fail(string method, Exception error, CancellationToken cancellationToken)
        {
            var outcome = _binding.Record(method, error, cancellationToken);
            _ = EndAsync();
            return outcome;
        }

        public override ValueTask<ReadOnlyMemory<byte>> SendAsync(string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken) =>
            _binding.SendAsync(this, Instance!, method, arguments, cancellationToken);

        /// <summary>The lease is returned after the scope is gone, so that the provider is not unloaded under its own Dispose; a slow DisposeAsync does not hold up the caller.</summary>
        private async Task EndAsync()
        {
            try
            {
                await _scope.DisposeAsync();
            }
            catch (Exception error)
            {
                _binding._logger.LogWarning("Disposing an instance of {Contract} failed in plugin {Plugin}: {Error}", _binding.Contract, _binding.Plugin, error.ToString());
            }
            _binding.Exit();
        }
    }
}
