using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nexus;

/// <summary>Declares options: settings of the plugin's section, bound to a type and validated.</summary>
public static class OptionsVerbs
{
    /// <summary>Binds a section of the plugin's configuration to <typeparamref name="T"/>. Classes take <see cref="IOptions{T}"/> (fixed) or <see cref="IOptionsMonitor{T}"/> (follows reloads) in their constructors. Data annotations on its properties and <see cref="System.ComponentModel.DataAnnotations.IValidatableObject"/> are checked; all errors are reported at once and the plugin does not start. A reload that breaks a rule keeps the last good value.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="section">Sub-section such as <c>mail</c>; empty for the plugin's whole section.</param>
    /// <typeparam name="T">A class or record; constructor parameters without a default are required settings.</typeparam>
    public static IPluginBuilder AddOptions<T>(this IPluginBuilder plugin, string section = "")
        where T : class
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(section);
        var configuration = section.Length == 0 ? plugin.Configuration : plugin.Configuration.GetSection(section);
        var binding = new OptionsBinding<T>(configuration);
        plugin.Services.AddOptions();
        plugin.Services.AddSingleton<IOptionsFactory<T>>(binding);
        plugin.Services.AddSingleton<IOptionsChangeTokenSource<T>>(new ConfigurationChangeTokenSource<T>(configuration));
        return plugin.Contribute(new OptionsContribution(section, _ => binding.Read().Errors));
    }
}
