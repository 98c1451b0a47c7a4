using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Nexus.Bench;

/// <summary>The system's nginx in front of nodes, with kept connections; one port for each group of them.</summary>
internal sealed class NginxServer : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-bench-nginx-").FullName;
    private readonly Process process;

    private NginxServer(string program, int[][] groups)
    {
        Ports = [.. groups.Select(_ => FreePort())];
        var servers = groups.Select((nodes, i) => string.Create(CultureInfo.InvariantCulture, $$"""
            upstream group{{i}} { {{string.Join(' ', nodes.Select(n => $"server 127.0.0.1:{n};"))}} keepalive 64; }
            server { listen 127.0.0.1:{{Ports[i]}}; location / { proxy_pass http://group{{i}}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host 127.0.0.1; } }
            """));
        var paths = string.Join(' ', new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }.Select(p => $"{p}_temp_path {folder}/{p};"));
        var file = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(file, $"worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{ worker_connections 1024; }}\nhttp {{ access_log off; keepalive_requests 100000000; {paths}\n{string.Join('\n', servers)}\n}}\n");
        process = Process.Start(new ProcessStartInfo(program, ["-c", file, "-g", "daemon off; master_process off;"]) { RedirectStandardError = true })!;
    }

    /// <summary>The port of each group.</summary>
    public int[] Ports { get; }

    public static NginxServer Start(params int[][] groups) =>
        new((Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Select(p => Path.Combine(p, "nginx")).FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("nginx is not installed (apt-get install nginx-light)."), groups);

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
