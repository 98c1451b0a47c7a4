using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>The configured lists, read once for each change of the configuration. A list with an entry that cannot be read is refused as a whole and the last good one stays.</summary>
internal sealed partial class AddressRules : IDisposable
{
    private readonly ILogger log;
    private readonly IDisposable? following;
    private volatile Lists lists = new(AddressSet.Empty, AddressSet.Empty, AddressSet.Empty);

    public AddressRules(IOptionsMonitor<SecurityOptions> options, ILogger<AddressRules> log)
    {
        this.log = log;
        lists = Read(options.CurrentValue);
        following = options.OnChange(Follow);
    }

    /// <summary>What holds now.</summary>
    public Lists Current => lists;

    /// <inheritdoc/>
    public void Dispose() => following?.Dispose();

    /// <summary>Reads the lists of a configuration.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every entry that cannot be read.</exception>
    public static Lists Read(SecurityOptions options)
    {
        var errors = new List<FieldError>();
        AddressSet Set(string key, string[] entries)
        {
            foreach (var entry in entries)
            {
                try
                {
                    AddressSet.Parse([entry]);
                }
                catch (FormatException exception)
                {
                    errors.Add(new FieldError(key, "address", $"{key}: {exception.Message}"));
                }
            }
            return errors.Count > 0 ? AddressSet.Empty : AddressSet.Parse(entries);
        }

        var read = new Lists(Set("security.addresses.allow", options.Addresses.Allow), Set("security.addresses.deny", options.Addresses.Deny), Set("security.trustedProxies", options.TrustedProxies));
        return errors.Count == 0 ? read : throw new NexusException(ErrorCodes.ConfigurationError, string.Join("; ", errors.Select(e => e.Message))) { Errors = [.. errors] };
    }

    private void Follow(SecurityOptions options)
    {
        try
        {
            lists = Read(options);
        }
        catch (NexusException exception)
        {
            TellRefused(log, exception.Message);
        }
    }

    [LoggerMessage(5, LogLevel.Error, "The address rules stay as they were: {Reason}")]
    private static partial void TellRefused(ILogger log, string reason);

    /// <summary>The lists.</summary>
    /// <param name="Allow">The only ones that are served; empty serves all.</param>
    /// <param name="Deny">Never served.</param>
    /// <param name="Proxies">Proxies that are believed.</param>
    internal sealed record Lists(AddressSet Allow, AddressSet Deny, AddressSet Proxies)
    {
        /// <summary>Whether an address may be served.</summary>
        public bool Admits(IPAddress address) => !Deny.Contains(address) && (Allow.IsEmpty || Allow.Contains(address));
    }
}
