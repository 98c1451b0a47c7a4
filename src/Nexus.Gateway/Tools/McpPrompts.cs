using System.Collections.Immutable;
using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Nexus.Gateway.Tools;

/// <summary>Prompts that a person can choose in a client.</summary>
internal static class McpPrompts
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<Prompt> All { get; } =
    [
        new() { Name = "explore", Title = "What is here?", Description = "Looks around in what the platform has and says it in plain words." },
        new() { Name = "find", Title = "Find records", Description = "Finds records by a question.", Arguments = [new PromptArgument { Name = "question", Description = "What to look for.", Required = true }] },
    ];

    /// <summary>The text of one.</summary>
    public static GetPromptResult Get(GetPromptRequestParams asked) => asked.Name switch
    {
        "explore" => Text("List the tools and resources of this server. Say in a few plain sentences which kinds of records there are, how many of each (use the list tools with count), and what can be done with them. Change nothing."),
        "find" => Text($"Answer this question from the records of this server, with the list and get tools. Name the ids of the records that the answer rests on, and say so when there are none. Change nothing. Question: {Argument(asked, "question")}"),
        _ => throw new McpProtocolException($"There is no prompt {asked.Name}.", McpErrorCode.InvalidParams),
    };

    private static string Argument(GetPromptRequestParams asked, string name) =>
        asked.Arguments is { } given && given.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new McpProtocolException($"The prompt {asked.Name} needs the argument {name}.", McpErrorCode.InvalidParams);

    private static GetPromptResult Text(string text) => new() { Messages = [new PromptMessage { Role = Role.User, Content = new TextContentBlock { Text = text } }] };
}
