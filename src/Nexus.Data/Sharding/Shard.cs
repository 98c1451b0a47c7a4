namespace Nexus.Data.Sharding;

/// <summary>One database of several. Numbers that an engine counts from 1 in each database (positions, fences) leave with the shard's number in their upper bits, so that they say where they belong; those of shard 0 stay what they are.</summary>
/// <param name="Number">Its number; 0 is the platform's own.</param>
/// <param name="Name">Its name in <c>database.shards</c>; <c>default</c> for number 0.</param>
/// <param name="Set">What its engine offers.</param>
internal sealed record Shard(int Number, string Name, StorageSet Set)
{
    /// <summary>Name of shard 0.</summary>
    public const string Default = "default";

    /// <summary>Greatest number: with 46 bits below them, all fit into the 53 bits that a JSON number keeps.</summary>
    public const int MostNumber = 127;

    private const int Bits = 46;

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
