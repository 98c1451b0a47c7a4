using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Passwords;
using Nexus.Data;
using Nexus.Kernel.Plugins;
using Nexus.Tests.Shared;

namespace Nexus.Core.Identity.Tests.Foreign;

/// <summary>The host program's own composition with identity, on a port of this machine and a SQLite database.</summary>
internal sealed class RunningNexus : IAsyncDisposable
{
    public const string Password = "correct horse battery";

    private readonly WebApplication app;
    private readonly bool isOwnFolder;

    private RunningNexus(WebApplication app, string folder, bool isOwnFolder, string address)
    {
        (this.app, Folder, this.isOwnFolder, Address) = (app, folder, isOwnFolder, address);
        Client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(address) };
    }

    public string Address { get; }

    /// <summary>Folder of its data.</summary>
    public string Folder { get; }

    public HttpClient Client { get; }

    /// <summary>Starts one.</summary>
    /// <param name="settings">Settings of identity, for its address.</param>
    /// <param name="kept">Folder of the data of one that ran before, which stays; null makes a new one that goes.</param>
    public static async Task<RunningNexus> StartAsync(Func<string, IEnumerable<(string Key, string Value)>>? settings = null, string? kept = null)
    {
        var folder = kept ?? Directory.CreateTempSubdirectory("nexus-foreign-").FullName;
        // A passkey needs a name: browsers take localhost, and no address, for one.
        var port = Ports.Free();
        var address = $"http://localhost:{port}";
        string[] arguments =
        [
            "--environment=development", $"--server:port={port}", $"--database:directory={folder}", $"--plugins:dataDirectory={folder}", $"--plugins:directories:0={folder}/none", "--plugins:outbound:allowed:0=127.0.0.1", "--logging:level=critical",
            .. (settings?.Invoke(address) ?? []).Select(s => $"--plugins:core.identity:{s.Key}={s.Value}"),
        ];
        var manifest = new PluginManifest
        {
            Name = "core.identity", Version = "0.1.0", Category = PluginCategory.Core, Description = "Identity.", Entry = "", Isolation = PluginIsolation.Stable,
            Permissions = [new RequestedCapability("documents.core", "As in the manifest.")],
        };
        var app = NexusHost.Build(arguments, new BuiltInPlugin(manifest, () => new IdentityPlugin()));
        await StorageOpener.OpenAsync(app.Services);
        app.UseNexusGateway();
        await app.StartAsync();
        return new RunningNexus(app, folder, kept is null, address);
    }

    public T Get<T>()
        where T : notnull => app.Services.GetRequiredService<IPlugins>().Current.Find("core.identity")!.Lease.Services.GetRequiredService<T>();

    public async Task<User> AddUserAsync(string name, string? email, bool verified = true) => await Get<UserDirectory>().AddAsync(new User
    {
        Id = Guid.CreateVersion7().ToString(),
        UserName = name,
        DisplayName = $"{name} L.",
        Email = email,
        EmailVerified = verified,
        PasswordHash = await Get<PasswordHashing>().HashAsync(Password, default),
        Roles = ["user"],
    });

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.Services.GetRequiredService<StorageOpener>().DisposeAsync();
        await app.DisposeAsync();
        if (isOwnFolder) Directory.Delete(Folder, recursive: true);
    }
}
