using Nexus.Kernel.Tests.Plugins;
using Nexus.Kernel.Tests.Tasks;

// The test program started again with the variable set is the process to kill.
if (Environment.GetEnvironmentVariable(UpdateCrashTests.ChildVariable) is { Length: > 0 } folder)
    await UpdateCrashTests.UpdateAsync(folder);
if (Environment.GetEnvironmentVariable(TaskCrashTests.ChildVariable) is { Length: > 0 } node)
{
    await TaskCrashTests.WorkAsync(node);
    return 0;
}

return args.Contains("--server") || args.Contains("--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Nexus.Kernel.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
