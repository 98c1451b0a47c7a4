using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>The faults of one cluster come one after the other.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class OneCluster : ICollectionFixture<Cluster>;

/// <summary>The faults of one cluster whose PostgreSQL has a standby.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class OneReplicatedCluster : ICollectionFixture<ReplicatedCluster>;
