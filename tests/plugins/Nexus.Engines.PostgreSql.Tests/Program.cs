using Nexus.Engines.PostgreSql.Tests.Faults;
using Nexus.Engines.PostgreSql.Tests.Shards;

// The test program started again with a variable set is the process to kill: it commits until it dies and prints what was acknowledged, or moves tenants.
if (Environment.GetEnvironmentVariable(NodeKillTests.ChildVariable) is { Length: > 0 } address)
    await NodeKillTests.WriteForeverAsync(address);

if (Environment.GetEnvironmentVariable(MoveKillTests.ChildVariable) is { Length: > 0 } addresses)
    await MoveKillTests.ServeAsync(addresses);

return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Nexus.Engines.PostgreSql.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
