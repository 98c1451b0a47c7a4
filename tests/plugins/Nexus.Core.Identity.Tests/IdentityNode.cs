using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Core.Identity.Tests;

/// <summary>A node with identity on the real kernel, storage in memory and gateway.</summary>
internal sealed class IdentityNode : IAsyncDisposable
{
    public const string FirstPassword = "One-time 4 the first";
    public const string Password = "Correct-Horse-7";

    private IdentityNode(PluginTestHost host) => Host = host;

    public PluginTestHost Host { get; }

    /// <summary>Access token of the administrator, whose password has been changed.</summary>
    public string Admin { get; private set; } = "";

    public static async Task<IdentityNode> StartAsync(Action<PluginTestOptions>? configure = null)
    {
        var node = new IdentityNode(await PluginTestHost.StartAsync<IdentityPlugin>(options =>
        {
            options.Settings["plugins:core.identity:administratorPassword"] = FirstPassword;
            configure?.Invoke(options);
        }));
        var token = await node.TokenAsync("admin", FirstPassword);
        await node.SendAsync(HttpMethod.Post, "/api/v1/auth/password/change", token, new { current_password = FirstPassword, new_password = Password });
        node.Admin = token;
        return node;
    }

    /// <summary>Something inside of the plugin.</summary>
    public T Get<T>()
        where T : notnull => Host.Services.GetRequiredService<IPlugins>().Current.Find("core.identity")!.Lease.Services.GetRequiredService<T>();

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? token = null, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null) request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        using var response = await Host.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answer((int)response.StatusCode, text, response.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.First() : null);
    }

    public Task<Answer> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token);

    public Task<Answer> PostAsync(string path, object? body = null, string? token = null) => SendAsync(HttpMethod.Post, path, token, body ?? new { });

    public Task<Answer> LoginAsync(string name, string password, bool remember = false) => PostAsync("/login", new { username = name, password, remember_me = remember });

    public async Task<string> TokenAsync(string name, string password = Password)
    {
        var answer = await LoginAsync(name, password);
        Assert.True(answer.Status == 200, answer.Text);
        return (string)answer.Json["access_token"]!;
    }

    /// <summary>Makes a user and returns its id.</summary>
    public async Task<string> AddUserAsync(string name, params string[] roles)
    {
        var answer = await PostAsync("/api/v1/users", new { username = name, password = Password, roles, email = $"{name}@example.org" }, Admin);
        Assert.True(answer.Status == 201, answer.Text);
        return (string)answer.Json["id"]!;
    }

    /// <summary>Makes a user and signs it in.</summary>
    public async Task<string> SignedInAsync(string name, params string[] roles)
    {
        await AddUserAsync(name, roles);
        return await TokenAsync(name);
    }

    /// <summary>Letters that were sent to an address, oldest first; waits until there is one.</summary>
    public async Task<string[]> LettersAsync(string to, int atLeast = 1)
    {
        var folder = Path.Combine(Get<NodeFolders>().Data, "mail");
        for (var i = 0; i < 6000; i++)
        {
            var found = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.eml").Order(StringComparer.Ordinal).Select(File.ReadAllText).Where(t => t.Contains($"To: {to}\r\n", StringComparison.Ordinal)).ToArray() : [];
            if (found.Length >= atLeast) return found;
            await Task.Delay(10);
        }

        throw new TimeoutException($"No letter to {to} came.");
    }

    /// <summary>The token in the link of a letter.</summary>
    public static string TokenOf(string letter)
    {
        var start = letter.IndexOf("token=", StringComparison.Ordinal) + 6;
        var end = letter.IndexOfAny(['\r', '\n', ' '], start);
        return letter[start..end];
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}

/// <summary>An answer.</summary>
internal sealed record Answer(int Status, string Text, string? Cookie)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Code => Text.Length == 0 ? null : (string?)Json["code"];
}
