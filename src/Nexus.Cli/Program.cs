using System.CommandLine;
using Nexus.Cli;

var call = Root.Build().Parse(args);
var exitCode = await call.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).WithExitCode();
return call.Errors.Count > 0 ? ExitCodes.Usage : exitCode;
