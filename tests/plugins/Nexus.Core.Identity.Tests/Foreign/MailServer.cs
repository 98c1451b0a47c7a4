using Nexus.Tests.Shared;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Nexus.Core.Identity.Tests.Foreign;

/// <summary>The smtp-server of npm in a process of its own.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly Process process;
    private readonly Channel<string> answers = Channel.CreateUnbounded<string>();

    private MailServer(Process process, int port)
    {
        (this.process, Port) = (process, port);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not { } text) return;
            if (text.StartsWith('{')) Letters.Enqueue(JsonNode.Parse(text)!.AsObject());
            else answers.Writer.TryWrite(text);
        };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Port { get; }

    /// <summary>What it took, oldest first.</summary>
    public ConcurrentQueue<JsonObject> Letters { get; } = new();

    /// <summary>Starts one.</summary>
    /// <param name="settings">What <c>mail.mjs</c> reads beside the port.</param>
    /// <param name="port">A port that was chosen before; 0 takes a free one.</param>
    public static async Task<MailServer> StartAsync(object settings, int port = 0)
    {
        var folder = await ForeignTools.FolderAsync();
        port = port == 0 ? Ports.Free() : port;
        var all = JsonSerializer.SerializeToNode(settings)!.AsObject();
        all["port"] = port;
        var server = new MailServer(Process.Start(new ProcessStartInfo("node", ["mail.mjs", all.ToJsonString()]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!, port);
        Assert.Equal("ready", await server.AnswerAsync());
        return server;
    }

    /// <summary>Behaves otherwise from now on: take, unknown, busy, slow, silent.</summary>
    public async Task BehaveAsync(string mode)
    {
        await process.StandardInput.WriteLineAsync(mode);
        Assert.Equal("done", await AnswerAsync());
    }

    /// <summary>Waits until it has taken so many letters.</summary>
    public async Task<JsonObject[]> TakenAsync(int count)
    {
        for (var i = 0; i < 6000 && Letters.Count < count; i++) await Task.Delay(20);
        Assert.Equal(count, Letters.Count);
        return [.. Letters];
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }

        process.Dispose();
    }

    private async Task<string> AnswerAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        return await answers.Reader.ReadAsync(limit.Token);
    }
}
