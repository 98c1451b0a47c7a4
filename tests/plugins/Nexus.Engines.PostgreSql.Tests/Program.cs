using Nexus.Engines.PostgreSql.Tests.Faults;

// The test program started again with the variable set is the process to kill: it commits until it dies and prints what was acknowledged.
if (Environment.GetEnvironmentVariable(NodeKillTests.ChildVariable) is { Length: > 0 } address)
    await NodeKillTests.WriteForeverAsync(address);

return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Nexus.Engines.PostgreSql.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
