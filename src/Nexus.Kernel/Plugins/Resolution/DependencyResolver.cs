using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>Orders plugins by what they need and explains what does not fit.</summary>
internal static class DependencyResolver
{
    /// <summary>Resolves all packages; the result does not depend on their order.</summary>
    /// <param name="packages">One package an id.</param>
    /// <param name="machine">What they run on.</param>
    public static Resolution Resolve(ImmutableArray<PluginPackage> packages, Machine machine)
    {
        var run = new Run(packages, machine);
        run.CheckHost();
        run.CheckDependencies();
        run.CheckCycles();
        run.Propagate();
        return run.Finish();
    }

    private sealed class Run(ImmutableArray<PluginPackage> packages, Machine machine)
    {
        private readonly SortedDictionary<string, PluginPackage> _byId = new(
            packages.GroupBy(p => p.Manifest.Name).ToDictionary(g => g.Key, g => g.First()), StringComparer.Ordinal);

        private readonly SortedDictionary<string, PackageFault> _failures = new(StringComparer.Ordinal);
        private readonly List<string> _warnings = [];

        public void CheckHost()
        {
            foreach (var package in _byId.Values)
            {
                var manifest = package.Manifest;
                if (manifest.Requires is { } range && !VersionRules.Satisfies(range, machine.Nexus))
                    Fail(package, ErrorCodes.PluginIncompatible, $"{Name(package)} wants Nexus {range}, but this host is {machine.Nexus}. Update the host, or install a version of {manifest.Name} that fits it.");
                if (manifest.Runtime is { } runtime && !VersionRules.Satisfies(runtime, machine.Runtime))
                    Fail(package, ErrorCodes.PluginIncompatible, $"{Name(package)} wants .NET {runtime}, but this host runs on {machine.Runtime}. Install that runtime, or a version of {manifest.Name} that is built for this one.");
                if (manifest.System.Where(need => !machine.Has(package.Directory, need)).ToList() is { Count: > 0 } missing)
                    Fail(package, ErrorCodes.PluginDependencyError, $"missing on this machine: {string.Join(", ", missing.Select(n => (Machine.IsLibrary(n) ? "the library " : "the program ") + n))}. {Name(package)} ({package.SourcePath}) needs {(missing.Count == 1 ? "it" : "them")}; install {(missing.Count == 1 ? "it" : "them")} with the system's packages and reload the plugin.");
            }
        }

        public void CheckDependencies()
        {
            foreach (var package in _byId.Values)
            {
                var problems = package.Manifest.Dependencies.Select(d => Problem(package, d)).OfType<string>().ToList();
                if (problems.Count > 0)
                    Fail(package, ErrorCodes.PluginDependencyError, string.Join(" ", problems));
            }
        }

        public void CheckCycles()
        {
            var done = new HashSet<string>(StringComparer.Ordinal);
            foreach (var id in _byId.Keys)
                FindCycles(id, done);
        }

        /// <summary>What needs a failed plugin fails too, and says through whom.</summary>
        public void Propagate()
        {
            for (var changed = true; changed;)
            {
                changed = false;
                foreach (var package in _byId.Values.Where(p => !_failures.ContainsKey(p.Manifest.Name)))
                {
                    var broken = package.Manifest.Dependencies.FirstOrDefault(d => !d.Optional && _failures.ContainsKey(d.Id));
                    if (broken is null)
                        continue;
                    Fail(package, ErrorCodes.PluginDependencyError, $"{Name(package)} needs {broken.Id}, which cannot start: {_failures[broken.Id].Error.Message}");
                    changed = true;
                }
            }
        }

        public Resolution Finish()
        {
            var waves = new List<ImmutableArray<PluginPackage>>();
            var placed = new HashSet<string>(StringComparer.Ordinal);
            var rest = _byId.Values.Where(p => !_failures.ContainsKey(p.Manifest.Name)).ToList();
            while (rest.Count > 0)
            {
                var here = rest.Where(p => p.Manifest.Dependencies.All(d => placed.Contains(d.Id) || !_byId.ContainsKey(d.Id) || _failures.ContainsKey(d.Id))).ToList();
                placed.UnionWith(here.Select(p => p.Manifest.Name));
                rest.RemoveAll(here.Contains);
                // A wave starts side by side: those with another startup order among their equals are a wave of their own.
                waves.AddRange(here.GroupBy(p => p.Manifest.StartupOrder).OrderBy(g => g.Key).Select(g => g.OrderBy(p => p.Manifest.Name, StringComparer.Ordinal).ToImmutableArray()));
            }

            return new Resolution([.. waves], [.. _failures.Values]) { Warnings = [.. _warnings] };
        }

        private string? Problem(PluginPackage package, PluginDependency dependency)
        {
            if (!_byId.TryGetValue(dependency.Id, out var found))
            {
                if (!dependency.Optional)
                    return $"missing dependency {dependency.Id}: {Name(package)} ({package.SourcePath}) wants {dependency.Id} {dependency.Range}, but no plugin of that id was found. Install it{(Schemas.Suggestion.Find(dependency.Id, _byId.Keys.Where(k => k != package.Manifest.Name)) is { } near ? $", or correct the id (did you mean '{near}'?)" : "")}.";
                _warnings.Add($"{Name(package)} can use {dependency.Id} {dependency.Range}, which is not installed; it runs without.");
                return null;
            }

            return VersionRules.Satisfies(dependency.Range, found.Manifest.Version)
                ? null
                : $"wrong version of {dependency.Id}: {Name(package)} ({package.SourcePath}) wants {dependency.Id} {dependency.Range}, but found is {found.Manifest.Version} ({found.SourcePath}){OthersWants(package, dependency)}. Install a version of {dependency.Id} within {dependency.Range}, or a version of {package.Manifest.Name} that takes {found.Manifest.Version}.";
        }

        /// <summary>Who else has a say in which version of a plugin is installed.</summary>
        private string OthersWants(PluginPackage package, PluginDependency dependency)
        {
            var others = _byId.Values
                .Where(p => p != package)
                .SelectMany(p => p.Manifest.Dependencies.Where(d => d.Id == dependency.Id).Select(d => $"{Name(p)} wants {d.Range}"))
                .ToList();
            return others.Count == 0 ? "" : $"; also {string.Join(", ", others)}";
        }

        /// <summary>Walks the needs of a plugin without recursion (a chain may be long) and fails every plugin of each cycle met.</summary>
        private void FindCycles(string start, HashSet<string> done)
        {
            var path = new List<(string Id, int Next)> { (start, 0) };
            while (path.Count > 0)
            {
                var (id, next) = path[^1];
                var needs = Needs(id);
                if (done.Contains(id) || next == needs.Length)
                {
                    done.Add(id);
                    path.RemoveAt(path.Count - 1);
                    continue;
                }

                path[^1] = (id, next + 1);
                var at = path.FindIndex(p => p.Id == needs[next]);
                if (at >= 0)
                    FailCycle([.. path[at..].Select(p => p.Id)]);
                else if (!done.Contains(needs[next]))
                    path.Add((needs[next], 0));
            }
        }

        private void FailCycle(List<string> cycle)
        {
            // Each cycle is told from its first id in order, so that all its members give the same text.
            var first = cycle.IndexOf(cycle.Min(StringComparer.Ordinal)!);
            var told = string.Join(" → ", cycle[first..].Concat(cycle[..first]).Append(cycle[first]));
            foreach (var id in cycle)
                Fail(_byId[id], ErrorCodes.PluginDependencyError, $"dependency cycle {told}. Remove one of these dependencies, or move what they share into a plugin of its own.");
        }

        /// <summary>Needs that order the start: an optional one counts when it is there, so a cycle through it is a cycle too.</summary>
        private ImmutableArray<string> Needs(string id) =>
            [.. _byId[id].Manifest.Dependencies.Select(d => d.Id).Where(d => _byId.ContainsKey(d))];

        private void Fail(PluginPackage package, string code, string message) =>
            _failures.TryAdd(package.Manifest.Name, new PackageFault(package.Manifest.Name, package.SourcePath, new NexusException(code, message)));

        private static string Name(PluginPackage package) => $"{package.Manifest.Name} {package.Manifest.Version}";
    }
}
