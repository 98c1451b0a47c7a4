using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Security.Transport;

namespace Nexus.Gateway.Security.Scan;

/// <summary>Files that others on this machine can read or change, and a certificate that ends soon.</summary>
internal sealed class FileCheck(IConfiguration configuration, IOptions<HttpsOptions> https, TimeProvider time) : ISecurityCheck
{
    private const string Area = "files";
    private const UnixFileMode OthersWrite = UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;

    /// <inheritdoc/>
    public string Name => Area;

    /// <inheritdoc/>
    public Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken) => Task.FromResult<ImmutableArray<Finding>>([.. Modes(), .. Certificate()]);

    private IEnumerable<Finding> Modes()
    {
        if (OperatingSystem.IsWindows())
            yield break;
        var data = Path.GetFullPath(SecurityScan.DataFolder(configuration));
        foreach (var folder in configuration.GetSection("plugins:directories").GetChildren().Select(c => Path.GetFullPath(c.Value ?? ".")).Append(data).Distinct().Where(Directory.Exists))
        {
            if ((File.GetUnixFileMode(folder) & UnixFileMode.OtherWrite) != 0)
                yield return One("folder-writable", Severity.High, folder, folder == data ? "Everybody on this machine can change the node's data." : "Everybody on this machine can put plugins into this folder, which then run with the node's rights.", $"chmod o-w {folder}");
        }
        var secrets = new[] { https.Value.Key, https.Value.Certificate is { } pfx && https.Value.Key is null ? pfx : null }.OfType<string>()
            .Concat(Directory.Exists(data) ? Directory.EnumerateFiles(data, "*.key", SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(data, "*.pfx", SearchOption.AllDirectories)) : []);
        foreach (var file in secrets.Distinct().Where(File.Exists))
        {
            var mode = File.GetUnixFileMode(file);
            if ((mode & (UnixFileMode.OtherRead | OthersWrite)) != 0)
                yield return One("key-readable", Severity.High, file, "Others on this machine can read or change this key.", $"chmod 600 {file}");
        }
        foreach (var file in Directory.EnumerateFiles(Directory.GetCurrentDirectory(), "nexus*.yaml"))
        {
            if ((File.GetUnixFileMode(file) & UnixFileMode.OtherWrite) != 0)
                yield return One("configuration-writable", Severity.High, file, "Everybody on this machine can change the configuration.", $"chmod o-w {file}");
        }
    }

    private IEnumerable<Finding> Certificate()
    {
        if (https.Value.Certificate is not { } file || !File.Exists(file) || Path.GetExtension(file) is ".pfx" or ".p12")
            yield break;
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(file);
        var left = certificate.NotAfter.ToUniversalTime() - time.GetUtcNow();
        if (left < TimeSpan.FromDays(30))
            yield return One("certificate-ends", left < TimeSpan.FromDays(7) ? Severity.High : Severity.Medium, file, $"The certificate is valid until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}.", "Renew it; the node reads a replaced file by itself.");
    }

    private static Finding One(string id, Severity severity, string subject, string detail, string remedy) => new("file." + id, severity, Area, subject, detail, remedy);
}
