using Nexus.Gateway.Grpc.Services;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary><c>nexus/v1/resources.proto</c>: the service that reaches every resource by its name, and the types that drawn services share.</summary>
internal sealed class ResourceFile
{
    /// <summary>Full name of its service.</summary>
    public const string Service = "nexus.v1.Resources";

    /// <summary>Makes the file with its handlers.</summary>
    public ResourceFile(ResourceMethods methods)
    {
        var (changed, fault, money) = (File.Message("ChangeResult", "What became of one change of a batch."), File.Message("Error", "Why a change was refused."), File.Message("Money", "An exact amount."));
        money.Add("amount", 1, ProtoKind.Text, "A decimal such as 12.30.").Add("currency", 2, ProtoKind.Text, "ISO 4217, such as EUR.");
        Money = money;
        fault.Add("code", 1, ProtoKind.Int32, "Status code of gRPC.").Add("reason", 2, ProtoKind.Text, "Code of the platform's catalogue, such as VALIDATION_ERROR.").Add("message", 3, ProtoKind.Text)
            .Add("violations", 4, File.Message("Violation", "A field that breaks a rule.").Add("field", 1, ProtoKind.Text, "JSON pointer.").Add("reason", 2, ProtoKind.Text).Add("description", 3, ProtoKind.Text), repeated: true)
            .Add("request_id", 5, ProtoKind.Text, "Under which it is found in the log.").Add("plugin", 6, ProtoKind.Text, "Where it comes from; empty, as are version and component, for callers without platform.plugins:read.").Add("version", 7, ProtoKind.Text).Add("component", 8, ProtoKind.Text);
        var record = File.Message("Record", "A record of any resource.").Add("id", 1, ProtoKind.Text).Add("revision", 2, ProtoKind.Int64, "Grows by one with every change, from 1.").Add("fields", 3, WellKnown.Struct, "The whole record as REST shows it. A number that a double cannot hold is text.");
        var get = Request("Get").Add("id", 2, ProtoKind.Text).Add("fields", 3, ProtoKind.Text, "Only these fields; all when empty.", repeated: true);
        var list = AddListing(Request("List"));
        var create = Request("Create").Add("id", 2, ProtoKind.Text, "UUID, where the caller chooses it.").Add("record", 3, WellKnown.Struct);
        var update = Request("Update").Add("id", 2, ProtoKind.Text).Add("record", 3, WellKnown.Struct, "The fields to change; null removes a value.").Add("replace", 4, ProtoKind.Bool, "All fields anew.").Add("if_revision", 5, ProtoKind.Int64, IfRevision, optional: true);
        var delete = Request("Delete").Add("id", 2, ProtoKind.Text).Add("if_revision", 3, ProtoKind.Int64, IfRevision, optional: true);
        var act = Request("Act").Add("id", 2, ProtoKind.Text).Add("action", 3, ProtoKind.Text, "Name of the action.").Add("input", 4, WellKnown.Struct).Add("if_revision", 5, ProtoKind.Int64, IfRevision, optional: true);
        var attached = Request("ListAttachments").Add("id", 2, ProtoKind.Text, "The record.");
        var attachment = File.Message("Attachment", "A file that is attached to a record.").Add("id", 1, ProtoKind.Text).Add("name", 2, ProtoKind.Text).Add("content_type", 3, ProtoKind.Text).Add("size", 4, ProtoKind.Int64, "Bytes.")
            .Add("sha256", 5, ProtoKind.Text, "Of its content, lower-case hex.").Add("created_at", 6, WellKnown.Timestamp).Add("created_by", 7, ProtoKind.Text, "Id of who attached it.").Add("url", 8, ProtoKind.Text, "Where its content is, by HTTP.");
        var watch = AddWatching(Request("Watch"));
        Deleted = File.Message("Deleted", "What is left of a deleted record.").Add("id", 1, ProtoKind.Text);
        var change = File.Message("Change", "One change of a batch.").Add("number", 1, ProtoKind.Int64, "The caller's own, given back with the result.")
            .Add("create", 2, create, oneOf: "kind").Add("update", 3, update, oneOf: "kind").Add("delete", 4, delete, oneOf: "kind").Add("act", 5, act, oneOf: "kind");
        changed.Add("number", 1, ProtoKind.Int64, "That of the change.").Add("id", 2, ProtoKind.Text).Add("record", 3, record, "The record after; none after a delete or an error.").Add("error", 4, fault);
        var target = new ResourceTarget(null);
        var service = File.Service("Resources", "Every resource by its name, such as orders.orders: for programs that know no resource beforehand. A resource's own service has its fields by type.");
        service.Add("Get", get, record, call => methods.GetAsync(call, target), "One record.");
        service.Add("List", list, Page(File, "ListResponse", record), call => methods.ListAsync(call, target), "A page of records.");
        service.Add("StreamList", list, record, call => methods.StreamAsync(call, target), "All records that match, one after another.", serverStreams: true);
        service.Add("Create", create, record, call => methods.ChangeAsync(call, target, ChangeKind.Create), "A new record. Metadata idempotency-key makes it safe to repeat.");
        service.Add("Update", update, record, call => methods.ChangeAsync(call, target, ChangeKind.Merge), "Changes fields of a record, or replaces it.");
        service.Add("Delete", delete, Deleted, call => methods.ChangeAsync(call, target, ChangeKind.Delete), "Deletes a record.");
        service.Add("Act", act, record, call => methods.ChangeAsync(call, target, ChangeKind.Action), "Runs an action on a record.");
        service.Add("ListAttachments", attached, File.Message("ListAttachmentsResponse").Add("attachments", 1, attachment, "Oldest first.", repeated: true), call => methods.ListAttachmentsAsync(call, target), "What is attached to a record.");
        service.Add("Watch", watch, Event(File, "Event", record), call => methods.WatchAsync(call, target), "What happens to records from now on. The headers come when nothing can be missed any more.", serverStreams: true);
        service.Add("Batch", change, changed, methods.BatchAsync, "Changes as they come, each on its own and in order, with its result.", clientStreams: true, serverStreams: true);
    }

    /// <summary>The file.</summary>
    public ProtoFile File { get; } = new("nexus/v1/resources.proto", "nexus.v1", WellKnown.StructFile, WellKnown.TimestampFile) { Comment = "Resources of a Nexus node. The id of a resource is {plugin}.{name}." };

    /// <summary>An amount with its currency.</summary>
    public ProtoMessage Money { get; }

    /// <summary>What is left of a deleted record.</summary>
    public ProtoMessage Deleted { get; }

    /// <summary>What the caller demands of the record.</summary>
    public const string IfRevision = "Refuse when the record has another revision by now.";

    /// <summary>Adds what a list can be asked for.</summary>
    public static ProtoMessage AddListing(ProtoMessage request) => request
        .Add("filter", 2, WellKnown.Struct, "Conditions in the JSON form, such as {\"total\": {\"$gte\": 5}}.").Add("sort", 3, ProtoKind.Text, "Fields to sort by; -field is descending.", repeated: true)
        .Add("search", 4, ProtoKind.Text, "Words for the full-text search.").Add("page_size", 5, ProtoKind.Int32, "1 to 1000; 50 when absent.").Add("page_token", 6, ProtoKind.Text, "next_page_token of the page before.")
        .Add("count", 7, ProtoKind.Bool, "Also count all that match.").Add("fields", 8, ProtoKind.Text, "Only these fields; all when empty.", repeated: true);

    /// <summary>Adds what a watcher can ask for.</summary>
    public static ProtoMessage AddWatching(ProtoMessage request) => request
        .Add("id", 2, ProtoKind.Text, "Only this record.").Add("verbs", 3, ProtoKind.Text, "Only these: created, updated, deleted, or names of actions.", repeated: true)
        .Add("filter", 4, WellKnown.Struct, "Only of records that match.").Add("after", 5, ProtoKind.Int64, "Go on after this position; from now on when absent.", optional: true);

    /// <summary>Makes the answer to a list.</summary>
    public static ProtoMessage Page(ProtoFile file, string name, ProtoMessage record) => file.Message(name, "A page of records.")
        .Add("records", 1, record, repeated: true).Add("next_page_token", 2, ProtoKind.Text, "Empty on the last page.").Add("total", 3, ProtoKind.Int64, "All that match, where it was asked for.", optional: true);

    /// <summary>Makes the event of a resource.</summary>
    public static ProtoMessage Event(ProtoFile file, string name, ProtoMessage record) => file.Message(name, "Something that happened to a record.")
        .Add("name", 1, ProtoKind.Text, "Name of the event.").Add("verb", 2, ProtoKind.Text, "Its last word.").Add("id", 3, ProtoKind.Text, "The record.")
        .Add("occurred_at", 4, WellKnown.Timestamp).Add("record", 5, record, "The record as it is now; none when it is gone.").Add("position", 6, ProtoKind.Int64, "Where to go on after.", optional: true);

    private ProtoMessage Request(string name) => File.Message(name + "Request").Add("resource", 1, ProtoKind.Text, "Such as orders.orders.");
}
