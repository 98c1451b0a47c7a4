using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus tenant</c>: which database a tenant lies in.</summary>
internal static class TenantCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public static Command Build() => new("tenant", "Move tenants between databases while they are served") { Move(), Cancel(), Rebalance(), Moves() };

    private static Command Move()
    {
        var tenant = new Argument<string>("tenant") { Description = "The tenant" };
        var shard = new Argument<string>("shard") { Description = "Name of the database in database.shards, or default" };
        var wait = new Option<bool>("--no-wait") { Description = "Ask for it and return" };
        var command = new Command("move", "Move all data of a tenant to another database; run again it waits for the same move") { tenant, shard, wait };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var path = $"/api/v1/tenants/{Uri.EscapeDataString(call.GetValue(tenant)!)}/move";
            var move = await host.PostAsync(path, new JsonObject { ["shard"] = call.GetValue(shard) }, cancel);
            if (!call.GetValue(wait))
            {
                move = await Output.WhileAsync(call, $"Moving {call.GetValue(tenant)} to {call.GetValue(shard)}", async () =>
                {
                    while (move?["endedAt"] is null)
                    {
                        await Task.Delay(Pause, cancel);
                        move = await host.GetAsync(path, cancel);
                    }

                    return move;
                });
            }

            var shown = Output.Print(call, move, Output.Text);
            return string.Equals((string?)move?["state"], "Failed", StringComparison.OrdinalIgnoreCase) ? ExitCodes.Refused : shown;
        });
        return command;
    }

    private static Command Cancel()
    {
        var tenant = new Argument<string>("tenant") { Description = "The tenant" };
        var command = new Command("cancel", "Give a move up before its switch; the tenant stays where it is") { tenant };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.DeleteAsync($"/api/v1/tenants/{Uri.EscapeDataString(call.GetValue(tenant)!)}/move", cancel), Output.Text);
        });
        return command;
    }

    private static Command Rebalance()
    {
        var by = new Option<string>("--by") { Description = "Make databases alike in tenants (count) or in bytes of records (size)", DefaultValueFactory = _ => "count" };
        by.AcceptOnlyFromAmong("count", "size");
        var dryRun = new Option<bool>("--dry-run") { Description = "Show the moves only" };
        var command = new Command("rebalance", "Begin the fewest moves that even the databases out, such as after one was added") { by, dryRun };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var plan = await host.PostAsync("/api/v1/tenants/rebalance", new JsonObject { ["by"] = call.GetValue(by), ["dryRun"] = call.GetValue(dryRun) }, cancel);
            return Output.Print(call, plan, found => Output.Table(found, Output.Column("TENANT", "tenant"), Output.Column("FROM", "from"), Output.Column("TO", "to"), Output.Column("RECORDS", "records"), Output.Column("BYTES", "bytes")));
        });
        return command;
    }

    private static Command Moves()
    {
        var command = new Command("moves", "List the newest move of each tenant");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/tenants/moves", cancel), found => Output.Table(found,
                Output.Column("TENANT", "tenant"), Output.Column("FROM", "from"), Output.Column("TO", "to"), Output.Column("STATE", "state"), Output.Column("ROWS", "rows"), Output.Column("CLOSED MS", "closedMilliseconds"), Output.Column("STARTED", "startedAt"), Output.Column("ENDED", "endedAt"), Output.Column("ERROR", "error")));
        });
        return command;
    }
}
