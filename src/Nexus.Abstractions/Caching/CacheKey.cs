using System.Buffers;
using System.Globalization;
using System.Text;

namespace Nexus;

/// <summary>
/// Address of a cached value: <c>nexus:{service}:{entity}:{id}:{discriminator}</c>. Letters, digits and <c>. _ - ~</c> stand for themselves in a part;
/// every other character is written as the percent-encoded bytes of its UTF-8 form, so that a part never contains a colon. A part is not empty; the whole has at most <see cref="MaxLength"/> characters.
/// Values of a tenant other than <see cref="CallContext.DefaultTenant"/> have <c>{tenant}@{service}</c> in the place of the service. Immutable; equal by its text.
/// </summary>
public readonly record struct CacheKey
{
    /// <summary>Greatest length of a key, in characters.</summary>
    public const int MaxLength = 380;

    /// <summary>What every key begins with.</summary>
    public const string Prefix = "nexus:";

    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~");
    private static readonly SearchValues<char> Written = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~%@");

    private CacheKey(string service, string text) => (Service, Text) = (service, text);

    /// <summary>The service, as it stands in the key; empty when the key is relative to the plugin's own.</summary>
    public string Service { get; }

    /// <summary>The whole key; of a relative one <c>{entity}:{id}:{discriminator}</c>.</summary>
    public string Text { get; }

    /// <summary>A key below the plugin's own service.</summary>
    /// <param name="entity">What is cached, such as <c>profile</c>; does not begin with <c>~</c>.</param>
    /// <param name="id">Of which one.</param>
    /// <param name="discriminator">Version, period or variant.</param>
    /// <exception cref="NexusException"><c>CACHE_KEY_INVALID</c>.</exception>
    public static CacheKey Of(string entity, string id, string discriminator) => new("", Checked($"{Entity(entity)}:{Part(id)}:{Part(discriminator)}"));

    /// <summary>A whole key.</summary>
    /// <param name="service">The plugin's id, or a name that it declared by <c>AddCacheName</c>.</param>
    /// <param name="entity">What is cached, such as <c>profile</c>; does not begin with <c>~</c>.</param>
    /// <param name="id">Of which one.</param>
    /// <param name="discriminator">Version, period or variant.</param>
    /// <exception cref="NexusException"><c>CACHE_KEY_INVALID</c>.</exception>
    public static CacheKey Of(string service, string entity, string id, string discriminator)
    {
        var name = Part(service);
        return new(name, Checked($"{Prefix}{name}:{Entity(entity)}:{Part(id)}:{Part(discriminator)}"));
    }

    /// <summary>The same key in the space of a tenant and below a service.</summary>
    public CacheKey Within(string service, string tenant)
    {
        var parts = Service.Length == 0 ? Text : Text[(Prefix.Length + Service.Length + 1)..];
        var space = tenant == CallContext.DefaultTenant ? service : $"{Part(tenant)}@{service}";
        return new(space, Checked($"{Prefix}{space}:{parts}"));
    }

    /// <summary>Reads a whole key as it is written.</summary>
    public static bool TryParse(string? text, out CacheKey key)
    {
        key = default;
        if (text is null || text.Length > MaxLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var number = 0;
        var service = "";
        foreach (var range in text.AsSpan(Prefix.Length).Split(':'))
        {
            var part = text.AsSpan(Prefix.Length)[range];
            if (part.IsEmpty || part.ContainsAnyExcept(Written))
                return false;
            if (number++ == 0)
                service = part.ToString();
        }
        if (number != 4)
            return false;
        key = new CacheKey(service, text);
        return true;
    }

    /// <summary>One part as it is written in a key.</summary>
    public static string Part(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
            throw new NexusException(ErrorCodes.CacheKeyInvalid, "A part of a cache key is empty.");
        if (!text.AsSpan().ContainsAnyExcept(Plain))
            return text;
        var written = new StringBuilder(text.Length + 16);
        foreach (var one in Encoding.UTF8.GetBytes(text))
        {
            if (Plain.Contains((char)one))
                written.Append((char)one);
            else
                written.Append(CultureInfo.InvariantCulture, $"%{one:X2}");
        }
        return written.ToString();
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static string Entity(string entity) => entity is ['~', ..] ? throw new NexusException(ErrorCodes.CacheKeyInvalid, $"The entity {entity} of a cache key begins with ~, which the platform keeps for itself.") : Part(entity);

    private static string Checked(string text) =>
        text.Length <= MaxLength ? text : throw new NexusException(ErrorCodes.CacheKeyInvalid, $"A cache key has {text.Length} characters; {MaxLength} are allowed. Put a hash of the long part into it.");
}
