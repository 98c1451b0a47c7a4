using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

public sealed class SampleTests
{
    private static string Sample(string name) => Path.Combine(Programs.Samples, name);

    [Fact]
    public void Hello_world_is_one_file_of_at_most_10_lines() =>
        Assert.InRange(File.ReadLines(Path.Combine(Programs.Root, "samples/hello/hello.cs")).Count(line => line.Trim().Length > 0), 1, 10);

    [Fact]
    public async Task Hello_world_runs_from_its_one_file_and_answers()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-hello-").FullName;
        var port = RunningHost.FreePort();
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("dotnet", ["run", "-c", Programs.Configuration, "--file", Path.Combine(Programs.Root, "samples/hello/hello.cs"), "--", $"--server:port={port}"]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var printed = process.StandardOutput.ReadToEndAsync();
        try
        {
            using var client = new HttpClient();
            var answer = "";
            for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(5) && answer.Length == 0 && !process.HasExited;)
            {
                try
                {
                    answer = await client.GetStringAsync($"http://127.0.0.1:{port}/api/custom/hello/Ada");
                }
                catch (Exception error) when (RunningHost.IsAway(error))
                {
                    await Task.Delay(100);
                }
            }

            if (answer.Length == 0 && !process.HasExited) process.Kill(entireProcessTree: true);
            Assert.True(answer == "Hello, Ada!", $"answer '{answer}'\n{(answer.Length == 0 ? await printed : "")}");
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            await printed;
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Stock_falls_with_an_order_and_catches_up_after_the_inventory_was_off()
    {
        await using var host = await RunningHost.StartAsync(Sample("orders"), Sample("inventory"));
        await host.PostAsync("/api/business/inventory/stock/", new { sku = "tea", quantity = 10 });

        await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = "tea", quantity = 3 });
        await host.UntilAsync("/api/business/inventory/stock/", stock => Quantity(stock) == 7);

        var schema = await host.GetAsync("/api/v1/data/schema?plugin=inventory");
        Assert.Equal(["inventory.stock", "inventory.reservations"], schema["collections"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal(("sku", true), ((string)schema["collections"]![0]!["indexes"]![0]!["fields"]!, (bool)schema["collections"]![0]!["indexes"]![0]!["unique"]!));

        await host.PostAsync("/api/v1/plugins/inventory/disable");
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/business/inventory/stock/")).StatusCode);
        await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = "tea", quantity = 2 });
        await host.PostAsync("/api/v1/plugins/inventory/enable");

        await host.UntilAsync("/api/business/inventory/stock/", stock => Quantity(stock) == 5);
    }

    [Fact]
    public async Task Registering_a_user_sends_one_mail_and_counts_once_in_order()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"), Sample("email"), Sample("analytics"));

        await host.PostAsync("/api/business/users/register", new { name = "Ada", email = "ada@example.org" });

        await host.UntilAsync("/api/analytics/analytics/registrations/", found => RunningHost.Rows(found).Count == 1);
        Assert.Single(RunningHost.Rows(await host.GetAsync("/api/integration/email/mails/")));
        var names = RunningHost.Rows(await host.GetAsync("/api/v1/events?limit=100")).Select(e => (string)e["name"]!).Where(n => n is "user.registration.started" or "user.created" or "email.sent" or "analytics.tracked");
        Assert.Equal(["user.registration.started", "user.created", "email.sent", "analytics.tracked"], names);

        using var taken = await host.Client.PostAsJsonAsync("/api/business/users/register", new { name = "Eve", email = "ada@example.org" });
        Assert.Equal(HttpStatusCode.Conflict, taken.StatusCode);
        Assert.Single(RunningHost.Rows(await host.GetAsync("/api/v1/events?limit=100")), e => (string)e["name"]! == "user.registration.started");
    }

    [Fact]
    public async Task Without_the_mail_plugin_registration_still_works()
    {
        await using var host = await RunningHost.StartAsync(Sample("users"));

        using var answer = await host.Client.PostAsJsonAsync("/api/business/users/register", new { name = "Ada", email = "ada@example.org" });

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    private static int Quantity(JsonNode stock) => RunningHost.Rows(stock) is [var row] ? (int)row["quantity"]! : -1;
}
