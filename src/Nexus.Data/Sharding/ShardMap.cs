using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;

namespace Nexus.Data.Sharding;

/// <summary>A further database as the configuration names it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Its connection string.</param>
/// <param name="Tenants">The tenants that lie in it.</param>
internal sealed record ShardEntry(string Name, string Address, ImmutableArray<string> Tenants);

/// <summary>What <c>database.shards</c> says.</summary>
internal static class ShardMap
{
    /// <summary>The further databases, by name; empty when there is one database.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with all that is wrong; shows no address.</exception>
    public static ImmutableArray<ShardEntry> Read(IConfiguration configuration)
    {
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        var placed = new Dictionary<string, string>(StringComparer.Ordinal);
        var entries = ImmutableArray.CreateBuilder<ShardEntry>();
        foreach (var section in configuration.GetSection("database:shards").GetChildren().OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            var entry = new ShardEntry(section.Key, section["connectionString"] ?? "", [.. section.GetSection("tenants").Get<string[]>() ?? []]);
            if (entry.Name == Shard.Default)
                Wrong(entry.Name, "the name default is that of the platform's own database.");
            if (string.IsNullOrWhiteSpace(entry.Address))
                Wrong($"{entry.Name}.connectionString", "the address of the database is missing.");
            foreach (var tenant in entry.Tenants)
            {
                if (tenant == CallContext.DefaultTenant)
                    Wrong($"{entry.Name}.tenants", "the tenant default lies in the platform's own database.");
                else if (!placed.TryAdd(tenant, entry.Name))
                    Wrong($"{entry.Name}.tenants", $"the tenant {tenant} lies in {placed[tenant]} already.");
            }

            entries.Add(entry);
        }

        if (entries.Count > Shard.MostNumber)
            Wrong("", $"there may be at most {Shard.MostNumber} further databases.");
        return errors.Count == 0 ? entries.ToImmutable() : throw new NexusException(ErrorCodes.ConfigurationError, string.Join(" ", errors.Select(e => $"{e.Pointer}: {e.Message}"))) { Errors = errors.ToImmutable() };

        void Wrong(string place, string message) => errors.Add(new FieldError(place.Length == 0 ? "database.shards" : $"database.shards.{place}", "invalid", message));
    }
}
