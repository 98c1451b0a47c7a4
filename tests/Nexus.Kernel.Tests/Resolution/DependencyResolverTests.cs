using System.Collections.Immutable;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Tests.Ordering;

public sealed class DependencyResolverTests
{
    [Fact]
    public void Independent_plugins_share_a_wave_whatever_the_folder_order()
    {
        var packages = new[] { Package("c", "1.0.0", ("a", "1.0"), ("b", "1.0")), Package("b", "1.0.0"), Package("a", "1.0.0"), Package("d", "1.0.0", ("c", "1.0")) };

        foreach (var order in new[] { packages, [.. packages.Reverse()] })
            Assert.Equal("a b | c | d", Told(DependencyResolver.Resolve([.. order], On("1.0.0"))));
    }

    [Fact]
    public void Startup_order_parts_those_that_could_start_side_by_side()
    {
        var late = Package("a", "1.0.0");

        var resolution = DependencyResolver.Resolve([late with { Manifest = late.Manifest with { StartupOrder = 5 } }, Package("c", "1.0.0"), Package("b", "1.0.0"), Package("d", "1.0.0", ("a", "1.0"))], On("1.0.0"));

        Assert.Equal("b c | a | d", Told(resolution));
    }

    [Fact]
    public void A_missing_dependency_fails_those_who_need_it_and_nobody_else()
    {
        var resolution = DependencyResolver.Resolve([Package("a", "1.0.0", ("finance.leger", "[1.0,2.0)")), Package("b", "1.0.0", ("a", "1.0")), Package("finance.ledger", "1.0.0")], On("1.0.0"));

        Assert.Equal("finance.ledger", Told(resolution));
        Assert.Equal(["a", "b"], resolution.Failures.Select(f => f.Id));
        Assert.Equal("missing dependency finance.leger: a 1.0.0 (/src/a) wants finance.leger [1.0,2.0), but no plugin of that id was found. Install it, or correct the id (did you mean 'finance.ledger'?).", resolution.Failures[0].Error.Message);
        Assert.StartsWith("b 1.0.0 needs a, which cannot start: missing dependency finance.leger", resolution.Failures[1].Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_version_names_both_sides_and_who_else_decides()
    {
        var resolution = DependencyResolver.Resolve([Package("a", "1.0.0", ("c", "[2.0,3.0)")), Package("b", "1.2.0", ("c", "[1.0,2.0)")), Package("c", "1.5.0")], On("1.0.0"));

        var failure = Assert.Single(resolution.Failures);
        Assert.Equal(ErrorCodes.PluginDependencyError, failure.Error.Code);
        Assert.StartsWith("wrong version of c: a 1.0.0 (/src/a) wants c [2.0,3.0), but found is 1.5.0 (/src/c); also b 1.2.0 wants [1.0,2.0).", failure.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cycle_is_named_and_its_dependents_fail_with_it()
    {
        var resolution = DependencyResolver.Resolve([Package("b", "1.0.0", ("a", "1.0")), Package("a", "1.0.0", ("c", "1.0")), Package("c", "1.0.0", ("b", "1.0")), Package("d", "1.0.0", ("a", "1.0")), Package("e", "1.0.0")], On("1.0.0"));

        Assert.Equal("e", Told(resolution));
        Assert.All(resolution.Failures.Take(3), f => Assert.StartsWith("dependency cycle a → c → b → a.", f.Error.Message, StringComparison.Ordinal));
        Assert.Equal(["a", "b", "c", "d"], resolution.Failures.Select(f => f.Id));
    }

    [Fact]
    public void A_long_chain_and_a_large_cycle_are_walked_without_recursion()
    {
        var chain = Enumerable.Range(0, 5000).Select(i => Package($"p{i:D5}", "1.0.0", ($"p{i + 1:D5}", "1.0"))).Append(Package("p05000", "1.0.0"));
        Assert.Equal(5001, DependencyResolver.Resolve([.. chain], On("1.0.0")).Waves.Length);
    }

    [Fact]
    public void An_absent_optional_dependency_is_a_warning_and_a_present_one_orders()
    {
        var b = Package("b", "1.0.0");
        b = b with { Manifest = b.Manifest with { Dependencies = [new PluginDependency("c", "1.0", Optional: true)] } };

        var without = DependencyResolver.Resolve([b], On("1.0.0"));
        var with = DependencyResolver.Resolve([b, Package("c", "1.0.0")], On("1.0.0"));

        Assert.Equal("b", Told(without));
        Assert.Equal("b 1.0.0 can use c 1.0, which is not installed; it runs without.", Assert.Single(without.Warnings));
        Assert.Equal("c | b", Told(with));
    }

    [Fact]
    public void A_host_outside_the_range_is_incompatible()
    {
        var package = Package("a", "1.0.0");

        var failure = Assert.Single(DependencyResolver.Resolve([package with { Manifest = package.Manifest with { Requires = "[2.0,3.0)" } }], On("0.1.0")).Failures);

        Assert.Equal(ErrorCodes.PluginIncompatible, failure.Error.Code);
        Assert.StartsWith("a 1.0.0 wants Nexus [2.0,3.0), but this host is 0.1.0.", failure.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.0", "1.0.0", true)]
    [InlineData("1.0", "7.0.0", true)]
    [InlineData("[1.0]", "1.0.1", false)]
    [InlineData("[1.0,2.0)", "2.0.0", false)]
    [InlineData("[1.0,2.0)", "2.0.0-beta", false)]
    [InlineData("[1.0,2.0)", "1.9.9-beta", true)]
    [InlineData("[1.0,2.0-beta)", "2.0.0-alpha", true)]
    [InlineData("(,1.0]", "0.1.0", true)]
    public void Ranges_are_NuGets_without_pre_releases_of_an_excluded_bound(string range, string version, bool satisfies) =>
        Assert.Equal(satisfies, VersionRules.Satisfies(range, version));

    [Fact]
    public void Dependents_come_in_start_order_and_through_others()
    {
        var resolution = DependencyResolver.Resolve([Package("a", "1.0.0"), Package("b", "1.0.0", ("a", "1.0")), Package("c", "1.0.0", ("b", "1.0")), Package("d", "1.0.0")], On("1.0.0"));

        Assert.Equal(["b", "c"], resolution.Dependents("a"));
    }

    [Fact]
    public void Each_kind_of_need_that_is_not_met_has_its_own_message()
    {
        PluginPackage Needing(string id, Func<PluginManifest, PluginManifest> what) => Package(id, "1.0.0") is var package ? package with { Manifest = what(package.Manifest) } : package;
        var machine = new Machine("1.0.0", "10.0.4", (_, need) => need is "libz.so.1" or "git");

        var resolution = DependencyResolver.Resolve(
            [
                Needing("fits", m => m with { Requires = "[1.0,2.0)", Runtime = "[10.0,11.0)", System = ["libz.so.1", "git"] }),
                Needing("host", m => m with { Requires = "[2.0,3.0)" }),
                Needing("runtime", m => m with { Runtime = "[11.0,12.0)" }),
                Needing("system", m => m with { System = ["git", "pdftotext", "libargon2.so.1"] }),
                Package("plugin", "1.0.0", ("absent", "1.0")),
            ],
            machine);

        Assert.Equal("fits", Told(resolution));
        Assert.Equal(
            [
                ("host", ErrorCodes.PluginIncompatible, "host 1.0.0 wants Nexus [2.0,3.0), but this host is 1.0.0."),
                ("plugin", ErrorCodes.PluginDependencyError, "missing dependency absent: plugin 1.0.0 (/src/plugin) wants absent 1.0, but no plugin of that id was found."),
                ("runtime", ErrorCodes.PluginIncompatible, "runtime 1.0.0 wants .NET [11.0,12.0), but this host runs on 10.0.4."),
                ("system", ErrorCodes.PluginDependencyError, "missing on this machine: the program pdftotext, the library libargon2.so.1."),
            ],
            resolution.Failures.Select(f => (f.Id, f.Error.Code, f.Error.Message[..(f.Error.Message.IndexOf(". ", StringComparison.Ordinal) + 1)])));
    }

    [Theory]
    [InlineData("sh", true)]
    [InlineData("no-such-program-anywhere", false)]
    [InlineData("libc.so.6", true)]
    [InlineData("libnosuchthing.so.9", false)]
    public void The_machine_is_asked_for_programs_and_libraries(string need, bool there) =>
        Assert.Equal(there, Machine.Here.Has("/no/such/folder", need));

    private static Machine On(string nexus) => new(nexus, "10.0.0", (_, _) => true);

    private static string Told(Nexus.Kernel.Plugins.Resolution resolution) => string.Join(" | ", resolution.Waves.Select(w => string.Join(' ', w.Select(p => p.Manifest.Name))));

    private static PluginPackage Package(string id, string version, params (string Id, string Range)[] needs) => new(
        new PluginManifest
        {
            Name = id,
            Version = version,
            Category = PluginCategory.Custom,
            Description = "d",
            Entry = "A.dll",
            Dependencies = [.. needs.Select(n => new PluginDependency(n.Id, n.Range))],
        },
        "/packages/" + id, "hash", "custom", "/src/" + id);
}
