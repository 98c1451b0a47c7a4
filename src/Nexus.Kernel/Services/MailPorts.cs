using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Services;

/// <summary>Gives each plugin its <see cref="IMail"/>: the mail of whichever plugin sends it at the time.</summary>
internal sealed class MailPorts(IServiceProvider host) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var plugin = context.Manifest.Name;
        services.AddSingleton<IMail>(_ => new PluginMail(host.GetRequiredService<IPlugins>(), plugin));
    }

    private sealed class PluginMail(IPlugins plugins, string plugin) : IMail
    {
        public async ValueTask SendAsync(Letter letter, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(letter);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var carrier = plugins.Current.Plugins.FirstOrDefault(p => p.Mail is not null)
                    ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "No active plugin sends mail; core.identity does.");
                // False only while that generation is being taken out of the snapshot.
                if (!carrier.Lease.TryEnter())
                {
                    await Task.Yield();
                    continue;
                }

                try
                {
                    await carrier.Mail!.Queue(plugin, letter, cancellationToken);
                    return;
                }
                finally
                {
                    carrier.Lease.Exit();
                }
            }
        }
    }
}
