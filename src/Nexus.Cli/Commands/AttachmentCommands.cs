using System.CommandLine;
using System.Net.Http.Headers;

namespace Nexus.Cli.Commands;

/// <summary>What <c>nexus record</c> does with attachments: list, attach, download, detach.</summary>
internal static class AttachmentCommands
{
    private static readonly Argument<string> Attachment = new("attachment") { Description = "Id of the attachment; 'nexus record attachments' lists them" };

    public static Command List()
    {
        var command = new Command("attachments", "List what is attached to a record") { RecordCommand.Resource, RecordCommand.Id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(await PathAsync(host, call, cancel), cancel), found =>
                Output.Table(found, Output.Column("ID", "id"), Output.Column("NAME", "name"), Output.Column("TYPE", "contentType"), Output.Column("BYTES", "size"), Output.Column("CREATED", "createdAt"), Output.Column("BY", "createdBy")));
        });
        return command;
    }

    public static Command Attach()
    {
        var files = new Argument<string[]>("files") { Description = "Files", Arity = ArgumentArity.OneOrMore };
        var command = new Command("attach", "Attach files to a record, all or none") { RecordCommand.Resource, RecordCommand.Id, files };
        command.SetAction(async (call, cancel) =>
        {
            using var form = new MultipartFormDataContent();
            foreach (var file in call.GetValue(files)!)
            {
                if (!File.Exists(file))
                    throw new CliException($"nexus: there is no file {file}.", ExitCodes.Invalid);
                var part = new StreamContent(File.OpenRead(file));
                part.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                form.Add(part, "files", Path.GetFileName(file));
            }

            using var host = Host.Of(call);
            var (made, _) = await host.AskAsync(HttpMethod.Post, await PathAsync(host, call, cancel), form, [], cancel);
            return Output.Print(call, made, found => Output.Table(found, Output.Column("ID", "id"), Output.Column("NAME", "name"), Output.Column("BYTES", "size"), Output.Column("SHA256", "sha256")));
        });
        return command;
    }

    public static Command Download()
    {
        var output = new Option<string>("--output", "-o") { Description = "File to write, which is not there yet", Required = true };
        var command = new Command("download", "Save what is attached to a record") { RecordCommand.Resource, RecordCommand.Id, Attachment, output };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var bytes = await host.SaveAsync($"{await PathAsync(host, call, cancel)}/{Uri.EscapeDataString(call.GetValue(Attachment)!)}", call.GetValue(output)!, cancel);
            return Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["file"] = call.GetValue(output), ["bytes"] = bytes }, _ => Console.WriteLine($"{call.GetValue(output)}: {bytes} bytes"));
        });
        return command;
    }

    public static Command Detach()
    {
        var command = new Command("detach", "Remove what is attached to a record") { RecordCommand.Resource, RecordCommand.Id, Attachment };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var (answer, _) = await host.AskAsync(HttpMethod.Delete, $"{await PathAsync(host, call, cancel)}/{Uri.EscapeDataString(call.GetValue(Attachment)!)}", null, [], cancel);
            return Output.Print(call, answer, found => Output.Text(found ?? "done"));
        });
        return command;
    }

    private static async Task<string> PathAsync(Host host, ParseResult call, CancellationToken cancel) =>
        $"{RecordCommand.PathOf(await RecordCommand.TypeAsync(host, call, cancel))}/{Uri.EscapeDataString(call.GetValue(RecordCommand.Id)!)}/attachments";
}
