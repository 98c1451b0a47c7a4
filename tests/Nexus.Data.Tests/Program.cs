using Nexus.Data.Tests.Sqlite;
using Nexus.Data.Tests.Units;

// The test program started again with the variable set is the process to kill: it commits until it dies and prints what was acknowledged.
if (Environment.GetEnvironmentVariable(CrashTests.ChildVariable) is { Length: > 0 } folder)
    await CrashTests.WriteForeverAsync(folder);
if (Environment.GetEnvironmentVariable(UnitCrashTests.ChildVariable) is { Length: > 0 } handled)
{
    await UnitCrashTests.HandleForeverAsync(handled);
    return 0;
}

return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Nexus.Data.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
