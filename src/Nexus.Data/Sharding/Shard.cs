namespace Nexus.Data.Sharding;

/// <summary>
/// One database of several. Numbers that an engine counts from 1 in each database (positions, fences) leave with the shard's number in their upper bits, so that they say where they belong; those of shard 0 stay what they are.
/// A further database may be away at the start: what is asked of it is refused until it is there.
/// </summary>
/// <param name="number">Its number; 0 is the platform's own.</param>
/// <param name="name">Its name in <c>database.shards</c>; <c>default</c> for number 0.</param>
/// <param name="set">What its engine offers; null while it is away.</param>
internal sealed class Shard(int number, string name, StorageSet? set)
{
    /// <summary>Name of shard 0.</summary>
    public const string Default = "default";

    /// <summary>Greatest number: with 46 bits below them, all fit into the 53 bits that a JSON number keeps.</summary>
    public const int MostNumber = 127;

    private const int Bits = 46;

    private volatile StorageSet? _set = set;
    private volatile string _why = "";

    public int Number => number;

    public string Name => name;

    /// <summary>What its engine offers.</summary>
    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c>: it was away at the start and is not back yet.</exception>
    public StorageSet Set => _set ?? throw new NexusException(ErrorCodes.StorageUnavailable, Told(_why));

    /// <summary>What its engine offers; null while it is away.</summary>
    public StorageSet? Opened => _set;

    /// <summary>The same with its number.</summary>
    public Shard Of(int itsNumber)
    {
        var numbered = new Shard(itsNumber, name, _set);
        numbered.Away(_why);
        return numbered;
    }

    /// <summary>Serves from now on.</summary>
    public void Open(StorageSet opened) => _set = opened;

    /// <summary>Keeps why it is away.</summary>
    /// <returns>Whether that is new.</returns>
    public bool Away(string why)
    {
        var isNew = _why != why;
        _why = why;
        return isNew;
    }

    public ValueTask<PluginHealth> CheckHealthAsync(CancellationToken cancellationToken) =>
        _set is { } opened ? opened.CheckHealth(cancellationToken) : ValueTask.FromResult(new PluginHealth(HealthLevel.Unhealthy, _why));

    /// <summary>The failure with the name of this database, for callers who know of tenants and not of servers.</summary>
    public NexusException Named(NexusException failure) => Number == 0 || failure.Message.StartsWith(Beginning, StringComparison.Ordinal) ? failure : new NexusException(failure.Code, Told(failure.Message), failure);

    private string Beginning => $"The database {Name} is away";

    private string Told(string why) => $"{Beginning}, and what belongs to its tenants with it; the others are served. {why}".TrimEnd();

    /// <summary>The number as it leaves.</summary>
    public long Out(long local) => local | ((long)Number << Bits);

    /// <summary>The number as the database knows it.</summary>
    public static long In(long number) => number & ((1L << Bits) - 1);

    /// <summary>The shard's number in a number that left.</summary>
    public static int NumberOf(long number) => (int)(number >> Bits);

    /// <summary>The batch with the numbers of this database.</summary>
    public WriteBatch Localize(WriteBatch batch) => batch is { Settlements.Length: 0, TaskSettlements.Length: 0 } || Number == 0
        ? batch
        : batch with { Settlements = [.. batch.Settlements.Select(Localize)], TaskSettlements = [.. batch.TaskSettlements.Select(Localize)] };

    public static DeliverySettlement Localize(DeliverySettlement settlement) => settlement with { Fence = In(settlement.Fence) };

    public static TaskSettlement Localize(TaskSettlement settlement) => settlement with { Fence = In(settlement.Fence) };

    public EventDelivery Globalize(EventDelivery delivery) => Number == 0 ? delivery : delivery with { Fence = Out(delivery.Fence) };

    public TaskEntry Globalize(TaskEntry task) => Number == 0 || task.Fence == 0 ? task : task with { Fence = Out(task.Fence) };
}
