using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Tests.Configuration;

public sealed class OptionsVerbsTests
{
    [Fact]
    public void Settings_are_bound_whatever_their_case()
    {
        var (services, _, _) = Plugin<MailOptions>("mail", ("mail:HOST", "post"), ("mail:port", "25"), ("mail:mode", "Loud"), ("mail:to:0", "a"), ("mail:to:1", "b"), ("mail:wait", "00:05:00"));

        var mail = services.GetRequiredService<IOptions<MailOptions>>().Value;

        Assert.Equal(("post", 25, Mode.Loud, TimeSpan.FromMinutes(5)), (mail.Host, mail.Port, mail.Mode, mail.Wait));
        Assert.Equal(["a", "b"], mail.To);
    }

    [Fact]
    public void An_empty_section_gives_the_defaults()
    {
        var (services, _, errors) = Plugin<MailOptions>("mail");

        Assert.Empty(errors());
        Assert.Equal(("localhost", 587), (services.GetRequiredService<IOptions<MailOptions>>().Value.Host, services.GetRequiredService<IOptions<MailOptions>>().Value.Port));
    }

    [Fact]
    public void All_errors_are_reported_at_once_each_with_its_key()
    {
        var (services, _, errors) = Plugin<MailOptions>("mail", ("mail:host", ""), ("mail:port", "many"), ("mail:mode", "Silent"), ("mail:wait", "soon"));

        Assert.Equal(
            [
                ("plugins:shop:mail:host", "invalid"), ("plugins:shop:mail:mode", "type"), ("plugins:shop:mail:port", "type"), ("plugins:shop:mail:wait", "type"),
            ],
            errors().Select(error => (error.Pointer, error.Code)).Order());
        Assert.Contains(errors(), error => error.Message == "\"many\" is not a whole number in range.");
        Assert.Contains(errors(), error => error.Message == "\"Silent\" is not one of Quiet, Loud.");
        Assert.Equal(4, Assert.Throws<NexusException>(() => services.GetRequiredService<IOptions<MailOptions>>().Value).Errors.Length);
    }

    [Fact]
    public void A_rule_on_a_property_is_checked()
    {
        var (_, _, errors) = Plugin<MailOptions>("", ("port", "0"));

        Assert.Equal("plugins:shop:port", Assert.Single(errors()).Pointer);
    }

    [Fact]
    public void A_constructor_parameter_without_default_is_required()
    {
        var (_, _, errors) = Plugin<KeyOptions>("");

        Assert.Equal([new FieldError("plugins:shop:apiKey", "required", "The setting is required.")], errors());
    }

    [Fact]
    public void A_reload_is_followed_and_a_broken_one_keeps_the_last_good_value()
    {
        var (services, configuration, _) = Plugin<MailOptions>("", ("port", "25"));
        var monitor = services.GetRequiredService<IOptionsMonitor<MailOptions>>();
        var seen = new List<int> { monitor.CurrentValue.Port };

        foreach (var port in new[] { "26", "none", "27" })
        {
            configuration["plugins:shop:port"] = port;
            configuration.Reload();
            seen.Add(monitor.CurrentValue.Port);
        }

        Assert.Equal([25, 26, 26, 27], seen);
    }

    private static (IServiceProvider Services, IConfigurationRoot Configuration, Func<IReadOnlyList<FieldError>> Errors) Plugin<T>(string section, params (string Key, string Value)[] settings)
        where T : class
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create("plugins:shop:" + setting.Key, (string?)setting.Value))).Build();
        var plugin = new Builder(configuration.GetSection("plugins:shop"));
        plugin.AddOptions<T>(section);
        var contribution = plugin.Services.Select(service => service.ImplementationInstance).OfType<OptionsContribution>().Single();
        var services = plugin.Services.BuildServiceProvider();
        return (services, configuration, () => contribution.Validate(services));
    }

    private enum Mode
    {
        Quiet,
        Loud,
    }

    private sealed class MailOptions
    {
        [Required]
        public string Host { get; init; } = "localhost";

        [Range(1, 65535)]
        public int Port { get; init; } = 587;

        public Mode Mode { get; init; }

        public TimeSpan Wait { get; init; }

        public IReadOnlyList<string> To { get; init; } = [];
    }

    private sealed record KeyOptions(string ApiKey, int Limit = 3);

    private sealed class Builder(IConfiguration configuration) : IPluginBuilder
    {
        public string Id => "shop";

        public IServiceCollection Services { get; } = new ServiceCollection();

        public IConfiguration Configuration { get; } = configuration;
    }
}
