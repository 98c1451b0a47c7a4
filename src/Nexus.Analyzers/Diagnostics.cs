namespace Nexus.Analyzers;
internal static class Diagnostics;
