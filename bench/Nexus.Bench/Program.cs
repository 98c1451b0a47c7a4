using Nexus.Bench;

return args switch
{
    ["serve-bare", var port, ..] => await BareServer.RunAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture)),
    ["serve-row", var port, var folder, ..] => await BareServer.RunRowAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), folder),
    [var name, .. var rest] when Benches.All.TryGetValue(name, out var bench) => Report.Print(name, await bench(), rest.Contains("--json")),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine($"usage: nexus bench {string.Join('|', Benches.All.Keys.Order())} [--json]");
    return 64;
}
