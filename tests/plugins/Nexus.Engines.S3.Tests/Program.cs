using Nexus.Engines.S3.Tests;

// The test program started again with the variable set is the process to kill: it puts until it dies and prints what was acknowledged.
if (Environment.GetEnvironmentVariable(KillTests.ChildVariable) is { Length: > 0 } address)
    await KillTests.PutForeverAsync(address);

return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
