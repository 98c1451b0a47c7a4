using System.Globalization;
using System.Text.Json;
using Nexus.Diagnostics;

// Usage: Nexus.Diagnostics PID NAME [--except NUMBER]
//        Nexus.Diagnostics PID --memory    prints one MemoryReport of all plugins as JSON
// NAME is a load context ("shop#3") or a plugin ("shop": all its generations but the one of --except). Prints one HeapReport as JSON.
if (args.Length < 2 || !int.TryParse(args[0], CultureInfo.InvariantCulture, out var process))
{
    Console.Error.WriteLine("usage: Nexus.Diagnostics PID NAME [--except NUMBER] | PID --memory");
    return 64;
}

try
{
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
    Console.Error.WriteLine($"The heap of process {process} cannot be read: {e.Message} It must run as the same user, with diagnostics on (no DOTNET_EnableDiagnostics=0), createdump in the runtime's folder and room in the temporary folder.");
    return 1;
}
