using System.CommandLine;
using Nexus.Cli;

var call = Root.Build().Parse(args, Root.Parsing);
// A command that is interrupted ends itself: what it started may take its time to stop in order.
var exitCode = await call.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(5) }).WithExitCode();
return call.Errors.Count > 0 ? ExitCodes.Usage : exitCode;
