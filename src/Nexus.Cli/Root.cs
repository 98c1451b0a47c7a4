using System.CommandLine;
using Nexus.Cli.Commands;

namespace Nexus.Cli;

/// <summary>The command tree. One file a command under Commands/.</summary>
internal static class Root
{
    public static Option<string> Url { get; } = new("--url") { Description = "Address of the host (default $NEXUS_URL, else http://127.0.0.1:8000)", Recursive = true };

    public static Option<bool> Json { get; } = new("--json") { Description = "Print JSON for programs instead of text for people", Recursive = true };

    /// <summary>An argument that begins with @ is what it says: commands take files so, not files of further arguments.</summary>
    public static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null };

    public static RootCommand Build() => new("Nexus: a plugin-first application platform.\nExit codes: 0 done, 1 refused, 64 usage, 65 input not valid, 69 no host answers, 70 bug, 130 interrupted.")
    {
        Url,
        Json,
        RunCommand.Build(),
        RunCommand.BuildWorker(),
        ProjectCommands.BuildInit(),
        ProjectCommands.BuildValidate(),
        ProjectCommands.Build(),
        NewCommand.Build(),
        DevCommand.Build(),
        PluginCommands.Build(),
        RoutesCommand.Build(),
        GraphQLCommand.Build(),
        StatusCommands.BuildStatus(),
        StatusCommands.BuildHealth(),
        LogsCommand.Build(),
        TopCommand.Build(),
        AuthCommand.Build(),
        SignInCommands.BuildLogin(),
        SignInCommands.BuildLogout(),
        ServicesCommand.Build(),
        ConfigCommand.Build(),
        DatabaseCommands.Build(),
        DataCommand.Build(),
        RecordCommand.Build(),
        EventsCommand.Build(),
        TasksCommand.Build(),
        NodesCommand.Build(),
        TenantCommand.Build(),
        ClusterCommand.Build(),
        ToolCommands.Build(),
        ToolCommands.BuildMcp(),
        ExplainCommand.Build(),
        DoctorCommand.Build(),
        DebugCommand.Build(),
        SecurityCommands.Build(),
        AuditCommand.Build(),
        TestCommands.Build(),
        ClientCommand.Build(),
        ApiTestCommand.Build(),
        MockCommand.Build(),
        DeveloperTools.Build(),
        DeveloperTools.BuildDocs(),
        BenchCommand.Build(),
        CompletionCommand.Build(),
    };
}
