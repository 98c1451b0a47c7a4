using Microsoft.Extensions.Configuration;

namespace Nexus.Kernel.Configuration;

/// <summary>Gives the merged values to the framework's configuration.</summary>
internal sealed class MergedProvider : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>Replaces all values in one step; readers see the old or the new ones.</summary>
    public void Set(Dictionary<string, string?> values) => Data = values;

    /// <summary>Fires the change token.</summary>
    public void Announce() => OnReload();
}
