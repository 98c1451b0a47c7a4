using Nexus.Core.Audit.Tests.Chain;

// The test program started again with the variable set is the process to kill: it records until it dies and prints what was acknowledged.
if (Environment.GetEnvironmentVariable(CrashTests.ChildVariable) is { Length: > 0 } folder)
    await CrashTests.RecordForeverAsync(folder);
return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Nexus.Core.Audit.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
