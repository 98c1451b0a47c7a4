using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus graphql</c>: the GraphQL schema, or the part of it at a schema coordinate.</summary>
internal static class GraphQLCommand
{
    public static Command Build()
    {
        var coordinate = new Argument<string?>("coordinate") { Description = "Type, Type.member, Type.field(argument:), @directive or @directive(argument:)", Arity = ArgumentArity.ZeroOrOne };
        var path = new Option<string>("--path") { Description = "Where the host serves GraphQL (graphql.path)", DefaultValueFactory = _ => "/graphql" };
        var command = new Command("graphql", "Show the GraphQL schema, or one part of it") { coordinate, path };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var query = call.GetValue(coordinate) is { Length: > 0 } part ? "?coordinate=" + Uri.EscapeDataString(part) : "";
            return Output.Print(call, await host.GetAsync($"/{call.GetValue(path)!.Trim('/')}/schema.graphql{query}", cancel), answer => Console.Write((string?)answer));
        });
        return command;
    }
}
