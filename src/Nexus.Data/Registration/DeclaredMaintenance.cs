using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Records;

namespace Nexus.Data.Registration;

/// <summary>The engine's maintenance, which is told of tables as they are stored: with digests in place of encrypted fields.</summary>
internal sealed class DeclaredMaintenance(IServiceProvider host) : IStorageMaintenance
{
    private IStorageMaintenance Engine => host.GetRequiredService<StorageOpener>().Set.Maintenance ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "The storage engine has nothing to maintain.");

    public ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) => Engine.DescribeAsync(Stored(resources), cancellationToken);

    public ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) => Engine.OptimizeAsync(Stored(resources), cancellationToken);

    public ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken) => Engine.RebuildSearchAsync(Stored([resource])[0], cancellationToken);

    public ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken) => Engine.ListStandbysAsync(cancellationToken);

    private ImmutableArray<ResourceDescriptor> Stored(ImmutableArray<ResourceDescriptor> resources) => host.GetService<IFieldProtection>() is null ? resources : [.. resources.Select(ProtectedFields.Stored)];
}
