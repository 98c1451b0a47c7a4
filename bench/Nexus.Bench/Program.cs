using Nexus.Bench;

return args switch
{
    ["serve-bare", var port, ..] => await BareServer.RunAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture)),
    ["serve-sockets", var port, ..] => await BareServer.RunSocketsAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture)),
    ["serve-dispatch", .. var settings] => await BareServer.RunDispatchAsync(settings),
    ["serve-unsecured", .. var settings] => await BareServer.RunUnsecuredAsync(settings),
    ["serve-yarp", var port, _, .. var nodes] => await BareServer.RunYarpAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), nodes),
    ["serve-row-postgresql", var port, _, var address, ..] => await BareServer.RunPostgreSqlAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), address),
    ["serve-row", var port, var folder, ..] => await BareServer.RunRowAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), folder),
    ["store", .. var rest] when rest.Contains("--engine") && rest.Contains("postgresql") => await RunAsync("store on postgresql", PostgreSqlStoreBench.RunAsync, rest.Contains("--json")),
    ["events", .. var rest] when rest.Contains("--engine") => rest[Array.IndexOf(rest, "--engine") + 1] switch
    {
        "memory" => await RunAsync("transient events", TransientEvents.RunAsync, rest.Contains("--json")),
        "postgresql" => await RunAsync("events on postgresql", EventBench.RunPostgreSqlAsync, rest.Contains("--json")),
        "rabbitmq" => await RunAsync("events over rabbitmq", EventBench.RunRabbitMqAsync, rest.Contains("--json")),
        _ => Usage(),
    },
    [var name, .. var rest] when Benches.All.TryGetValue(name, out var bench) => await RunAsync(name, bench, rest.Contains("--json")),
    _ => Usage(),
};

static async Task<int> RunAsync(string name, Func<Task<IReadOnlyList<Bar>>> bench, bool json)
{
    try
    {
        return Report.Print(name, await bench(), json);
    }
    catch (Exception error) when (error is InvalidOperationException or IOException or TimeoutException or HttpRequestException)
    {
        await Console.Error.WriteLineAsync($"nexus bench {name}: {error.Message}");
        return 70;
    }
}

static int Usage()
{
    Console.Error.WriteLine($"usage: nexus bench {string.Join('|', Benches.All.Keys.Order())} [--json]; store takes --engine postgresql, events --engine memory, postgresql or rabbitmq");
    return 64;
}
