using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Engines.PostgreSql.Tests;
using Npgsql;

namespace Nexus.EndToEnd.Tests;

/// <summary>What is kept for a person beside the account, views of lists and marks of what was read, goes with the account, by the event that tells of it.</summary>
public sealed class DeletedAccountTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Views_and_marks_of_a_person_go_with_the_account_and_at_nobody_elses_word(bool onPostgreSql)
    {
        var database = onPostgreSql ? await PostgreSqlServer.DatabaseAsync() : null;
        string[] plugins = [Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Samples, "orders"), .. onPostgreSql ? [Path.Combine(Programs.Plugins, "engines.postgresql")] : Array.Empty<string>()];
        string[] settings = [$"--plugins:core.identity:administratorPassword={First}", .. onPostgreSql ? ["--database:type=postgresql", $"--database:connectionString={database}"] : Array.Empty<string>()];
        await using var host = await RunningHost.StartAsync(plugins, settings);
        var operatorToken = (await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "run", "admin.token"), TestContext.Current.CancellationToken)).Trim();
        var people = new Dictionary<string, string>();
        foreach (var name in (string[])["ida", "max"])
        {
            var user = await SendAsync(host, operatorToken, HttpMethod.Post, "/api/v1/users", new { username = name, password = Password, email = $"{name}@example.org", roles = new[] { "admin" }, mustChangePassword = false });
            people[name] = (string)user["id"]!;
            var token = (string)(await SendAsync(host, null, HttpMethod.Post, "/api/v1/auth/login", new { username = name, password = Password }))["access_token"]!;
            await SendAsync(host, token, HttpMethod.Put, "/api/v1/ui/views/orders.orders", new { name = "Large", query = "sort=-total", @default = false });
            await SendAsync(host, token, HttpMethod.Post, "/api/v1/notifications/read", new { });
        }

        Assert.Equal((2, 2), await KeptAsync(host, database));
        // Anybody who may publish could tell it of anybody.
        await SendAsync(host, operatorToken, HttpMethod.Post, "/api/v1/events", new { name = "user.deleted", key = people["max"], data = new { user = people["max"] } });
        await SendAsync(host, operatorToken, HttpMethod.Delete, $"/api/v1/users/{people["ida"]}");

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await KeptAsync(host, database) != (1, 1) && !patience.IsCancellationRequested)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.True((1, 1) == await KeptAsync(host, database), host.Log);
    }

    /// <summary>Documents of views, and of marks.</summary>
    private static async Task<(int Views, int Marks)> KeptAsync(RunningHost host, string? database)
    {
        List<string> ids = [];
        if (database is null)
        {
            ids.AddRange(DatabaseText.Read(Path.Combine(host.Folder, "data", "nexus.db"), "events").Split('\n').SelectMany(line => line.Split('|')));
        }
        else
        {
            await using var source = NpgsqlDataSource.Create(database);
            await using var names = source.CreateCommand("SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.columns WHERE column_name = 'id' AND table_name LIKE '%documents%'");
            await using var tables = await names.ExecuteReaderAsync();
            while (await tables.ReadAsync())
            {
                await using var command = source.CreateCommand($"SELECT id FROM {tables.GetString(0)}");
                await using var rows = await command.ExecuteReaderAsync();
                while (await rows.ReadAsync())
                    ids.Add(rows.GetString(0));
            }
        }

        return (ids.Count(id => id.Contains("/people/", StringComparison.Ordinal) && id.EndsWith("/views/orders/orders", StringComparison.Ordinal)), ids.Count(id => id.StartsWith("core/notifications/", StringComparison.Ordinal)));
    }

    private static async Task<JsonNode> SendAsync(RunningHost host, string? token, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {text}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }
}
