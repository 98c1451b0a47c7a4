using System.Globalization;
using System.Text.Json;
using Nexus.Diagnostics;

// Usage: Nexus.Diagnostics PID NAME [--except NUMBER]
//        Nexus.Diagnostics PID --memory    prints one MemoryReport of all plugins as JSON
//        Nexus.Diagnostics PID --trace FILE SECONDS | --profile FILE SECONDS | --dump FILE mini|heap|full    prints how far it is, a line each
// NAME is a load context ("shop#3") or a plugin ("shop": all its generations but the one of --except). Prints one HeapReport as JSON.
if (args.Length < 2 || !int.TryParse(args[0], CultureInfo.InvariantCulture, out var process))
{
    Console.Error.WriteLine("usage: Nexus.Diagnostics PID NAME [--except NUMBER] | PID --memory");
    return 64;
}

try
{
    if (args is [_, "--trace" or "--profile" or "--dump", var file, var argument])
    {
        await RecordAsync(args[1], file, argument);
        return 0;
    }

    if (args[1] == "--memory")
    {
        Console.WriteLine(JsonSerializer.Serialize(HeldMemory.Measure(process), ReportJson.Readable.MemoryReport));
        return 0;
    }

    var except = args is [_, _, "--except", var number] ? $"{args[1]}#{number}" : null;
    bool Wanted(string context) => context == args[1] || (context.StartsWith(args[1] + "#", StringComparison.Ordinal) && context != except);
    Console.WriteLine(JsonSerializer.Serialize(WhyAlive.Look(process, Wanted), ReportJson.Readable.HeapReport));
    return 0;
}
catch (Exception e)
{
    Console.Error.WriteLine(args.Length > 2 ? $"Process {process} cannot be recorded: {e.Message} It must be a .NET process of the same user on this machine, with diagnostics on (no DOTNET_EnableDiagnostics=0)." : $"The heap of process {process} cannot be read: {e.Message} It must run as the same user, with diagnostics on (no DOTNET_EnableDiagnostics=0), createdump in the runtime's folder and room in the temporary folder.");
    return 1;
}

async Task RecordAsync(string what, string file, string argument)
{
    using var stop = new CancellationTokenSource();
    Console.CancelKeyPress += (_, pressed) => (pressed.Cancel, _) = (true, stop.CancelAsync());
    if (what == "--dump")
    {
        Console.WriteLine("the node writes its memory");
        await Recording.DumpAsync(process, file, argument, stop.Token);
        return;
    }

    var length = TimeSpan.FromSeconds(double.Parse(argument, CultureInfo.InvariantCulture));
    void Tell(TimeSpan elapsed, long bytes) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:0} of {length.TotalSeconds:0} s, {bytes / 1e6:0.0} MB"));
    await (what == "--trace" ? Recording.TraceAsync(process, file, length, Tell, stop.Token) : Recording.ProfileAsync(process, file, length, Tell, stop.Token));
}
