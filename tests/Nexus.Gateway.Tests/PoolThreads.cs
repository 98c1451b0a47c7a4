using System.Runtime.CompilerServices;

namespace Nexus.Gateway.Tests;

/// <summary>Some tests block pool threads on purpose (hanging callbacks). With as many threads at once as the machine has processors, they would starve the others.</summary>
internal static class PoolThreads
{
    [ModuleInitializer]
    internal static void Widen() => ThreadPool.SetMinThreads(32, 32);
}
