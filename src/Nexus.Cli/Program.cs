using System.CommandLine;
using Nexus.Cli;

return await Root.Build().Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).WithExitCode();
