using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Core.Identity.Tests.Foreign;

/// <summary>The oidc-provider of npm in a process of its own, and the browser that goes between it and Nexus.</summary>
internal sealed class Provider : IAsyncDisposable
{
    private readonly Process process;

    private Provider(Process process, string issuer) => (this.process, Issuer) = (process, issuer);

    public string Issuer { get; }

    public static async Task<Provider> StartAsync(string folder, string redirect, int port)
    {
        var process = Process.Start(new ProcessStartInfo("node", ["provider.mjs", JsonSerializer.Serialize(new { port, clientId = "nexus", clientSecret = "s3cret+&=", redirects = new[] { redirect } })])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder,
        })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var provider = new Provider(process, $"http://127.0.0.1:{port}");
        await provider.ExpectAsync("ready");
        return provider;
    }

    /// <summary>Makes the provider lie, rotate its key, or have another user.</summary>
    public async Task TellAsync(object command)
    {
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(command));
        await ExpectAsync("done");
    }

    /// <summary>Goes with a browser from the start to Nexus's answer.</summary>
    public static async Task<(int Status, JsonObject Body, HttpResponseMessage Last)> SignInAsync(RunningNexus nexus, string start = "/api/v1/auth/oauth/google/start", Func<Uri, Uri>? change = null, bool keepCookies = true)
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = true });
        using var other = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = true });
        var address = new Uri(nexus.Address + start);
        for (var hops = 0; hops < 12; hops++)
        {
            var back = hops > 0 && address.AbsolutePath.EndsWith("/callback", StringComparison.Ordinal);
            if (back && change is not null) address = change(address);
            // Another browser, with a sign-in of its own under way: it has a cookie, and not this one.
            if (back && !keepCookies) await other.GetAsync(new Uri(nexus.Address + start));
            var answer = await (back && !keepCookies ? other : browser).GetAsync(address);
            if (!back && answer.StatusCode is System.Net.HttpStatusCode.Redirect or System.Net.HttpStatusCode.SeeOther && !back)
            {
                address = new Uri(address, answer.Headers.Location!);
                continue;
            }

            var text = await answer.Content.ReadAsStringAsync();
            return ((int)answer.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text)!.AsObject() : [], answer);
        }

        throw new InvalidOperationException("The browser was sent in circles.");
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

    private async Task ExpectAsync(string line)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        string? read;
        do read = await process.StandardOutput.ReadLineAsync(limit.Token);
        while (read is not null && read != line);
        Assert.Equal(line, read);
    }
}
