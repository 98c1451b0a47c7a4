using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nexus.Architecture.Tests;

/// <summary>The real tree keeps the rules; each rule is red on a violation, so that none is green by being blind.</summary>
public sealed class HouseTests
{
    private static SourceFile Sample(string text, string path = "src/Nexus.Kernel/Sample.cs") =>
        SourceFile.Parse(Path.Combine(Repository.Root, path), text);

    private static void Empty(IEnumerable<string> violations) =>
        Assert.True(!violations.Any(), string.Join('\n', violations));

    [Fact]
    public void The_tree_that_is_checked_is_the_real_one() =>
        Assert.True(Repository.Sources.Count > 50 && Repository.Projects.Any(p => p.Name == "Nexus.Kernel"));

    [Fact]
    public void Rooms_and_plugins_reference_only_what_the_star_allows() =>
        Empty(Repository.Projects.SelectMany(Rules.ForbiddenReferences));

    [Fact]
    public void A_room_that_references_another_room_is_red() =>
        Assert.Equal(["Nexus.Gateway may not reference Nexus.Data"], Rules.ForbiddenReferences(new Project("/x/src/Nexus.Gateway/Nexus.Gateway.csproj", "Nexus.Gateway", ["Nexus.Abstractions", "Nexus.Data"], [])));

    [Fact]
    public void A_plugin_that_references_the_kernel_is_red() =>
        Assert.Single(Rules.ForbiddenReferences(new Project("/x/plugins/a/A.csproj", "A", ["Nexus.Abstractions", "Nexus.Kernel"], [])));

    [Fact]
    public void A_project_outside_of_the_table_is_red() =>
        Assert.Single(Rules.ForbiddenReferences(new Project("/x/src/Nexus.Extra/Nexus.Extra.csproj", "Nexus.Extra", [], [])));

    [Fact]
    public void Files_have_at_most_600_lines() => Empty(Repository.Sources.SelectMany(Rules.LongFiles));

    [Fact]
    public void A_file_of_601_lines_is_red() => Assert.Single(Rules.LongFiles(Sample(string.Concat(Enumerable.Repeat("// a\n", 601)))));

    [Fact]
    public void Methods_have_at_most_80_lines() => Empty(Repository.Sources.SelectMany(Rules.LongMethods));

    [Fact]
    public void A_method_of_81_lines_is_red() =>
        Assert.Single(Rules.LongMethods(Sample("class A { void B()\n{\n" + string.Concat(Enumerable.Repeat(";\n", 78)) + "}\n}")));

    [Fact]
    public void Constructors_take_at_most_8_parameters() => Empty(Repository.Sources.SelectMany(Rules.LongConstructors));

    [Fact]
    public void A_constructor_of_9_parameters_is_red() =>
        Assert.Single(Rules.LongConstructors(Sample("class A(int a, int b, int c, int d, int e, int f, int g, int h, int i);")));

    [Fact]
    public void No_type_is_named_by_a_word_that_says_nothing() => Empty(Repository.Sources.SelectMany(Rules.BannedNames));

    [Fact]
    public void A_manager_is_red() => Assert.Single(Rules.BannedNames(Sample("class PluginManager;")));

    [Fact]
    public void Interfaces_have_at_most_5_members() => Empty(Repository.Sources.SelectMany(Rules.WideInterfaces));

    [Fact]
    public void An_interface_of_6_members_is_red() =>
        Assert.Single(Rules.WideInterfaces(Sample("interface I { int A(); int B(); int C(); int D(); int E(); int F(); }")));

    [Fact]
    public void Money_is_never_floating() => Empty(Repository.Sources.SelectMany(Rules.FloatingMoney));

    [Fact]
    public void A_double_in_finance_is_red() => Assert.Single(Rules.FloatingMoney(Sample("class A { double B; }", "plugins/finance/ledger/A.cs")));

    [Fact]
    public void No_surface_reads_a_store() => Empty(Repository.Sources.SelectMany(Rules.SurfacesWithStore));

    [Fact]
    public void A_surface_that_reads_a_store_is_red() => Assert.Single(Rules.SurfacesWithStore(Sample("class A(IStorage store);", "src/Nexus.Gateway/GraphQL/A.cs")));

    [Fact]
    public void Pages_of_the_console_call_the_platform_by_its_types_alone()
    {
        var folder = Path.Combine(Repository.Root, "src", "Nexus.Console", "app", "src");
        var files = Directory.EnumerateFiles(folder, "*.ts*", SearchOption.AllDirectories).ToList();

        Assert.True(files.Count > 80, $"{files.Count} files of the console were found");
        Empty(files.SelectMany(file => Rules.UntypedCalls(Path.GetRelativePath(folder, file), File.ReadAllText(file))));
    }

    [Theory]
    [InlineData("import { Problem, send } from '../api/http';")]
    [InlineData("await fetch('/api/v1/plugins');")]
    [InlineData("await fetch(`/api/v1/plugins/${id}`);")]
    public void A_page_that_sends_to_an_address_is_red(string line) => Assert.Single(Rules.UntypedCalls("platform/Plugins.tsx", line + "\n"));

    [Fact]
    public void Nearly_all_classes_are_sealed()
    {
        var classes = Repository.Sources.SelectMany(f => f.Types).OfType<ClassDeclarationSyntax>().ToList();
        var open = classes.Where(c => !Rules.IsSealedOrStatic(c)).Select(c => c.Identifier.Text).ToList();

        Assert.True(open.Count <= classes.Count * 0.15, $"{open.Count} of {classes.Count} classes are open: {string.Join(", ", open)}");
    }

    [Fact]
    public void Rooms_show_little_of_themselves()
    {
        var rooms = Repository.Sources.Where(f => f.Relative.StartsWith("src/", StringComparison.Ordinal) && f.Room is not "Nexus.Abstractions" and not "Nexus.Testing")
            .GroupBy(f => f.Room)
            .Select(room => (room.Key, Types: room.SelectMany(f => f.Types).ToList()))
            .Where(room => room.Types.Count >= 10 && room.Types.Count(Rules.IsPublic) > room.Types.Count * 0.4)
            .Select(room => $"{room.Key}: {room.Types.Count(Rules.IsPublic)} of {room.Types.Count} types are public");

        Empty(rooms);
    }
}
