using System.Collections.Immutable;
using Nexus.Gateway.Grpc.Services;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>The file of one plugin: for each resource a message and a service with its fields by type, drawn from the descriptor; for each contract that it provides a service.</summary>
internal sealed class PluginFile(ResourceFile shared, ResourceMethods methods, ContractMethods contracts, IReadOnlyCollection<string> hidden)
{
    /// <summary>Package of a plugin.</summary>
    public static string PackageOf(string plugin) => "nexus.plugins." + ProtoNames.Package(plugin);

    /// <summary>Draws the file of a plugin; null when there is nothing in it.</summary>
    public ProtoFile? Draw(ActivePlugin plugin)
    {
        var id = plugin.Manifest.Name;
        var file = new ProtoFile($"nexus/plugins/{id}.proto", PackageOf(id), shared.File, contracts.File, WellKnown.StructFile, WellKnown.TimestampFile)
        {
            Comment = $"What the plugin {id} {plugin.Manifest.Version} serves.\nNumbers of fields and of words come from their names, so that no version gives one a number that another had.",
        };
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var resource in plugin.Resources)
        {
            if (names.Add(ProtoNames.Pascal(resource.Singular)) && names.Add(ProtoNames.Pascal(resource.Name)))
                Draw(file, resource);
        }
        foreach (var provided in plugin.Services.DistinctBy(s => s.Contract))
        {
            var name = ProtoNames.Pascal(provided.Contract[(provided.Contract.LastIndexOf('.') + 1)..]);
            if (names.Add(name))
                contracts.Draw(file, name, provided.Contract, provided.Methods);
        }
        return file.Services.Count == 0 ? null : file;
    }

    private void Draw(ProtoFile file, ResourceDescriptor resource)
    {
        var (one, many, target) = (ProtoNames.Pascal(resource.Singular), ProtoNames.Pascal(resource.Name), new ResourceTarget(resource.Table));
        var record = file.Message(one, resource.Description ?? $"A record of {resource.Table}.");
        record.Add("id", 1, ProtoKind.Text).Add("revision", 2, ProtoKind.Int64).Add("owner", 3, ProtoKind.Text, optional: true).Add("team", 4, ProtoKind.Text, optional: true).Add("created_at", 5, WellKnown.Timestamp).Add("updated_at", 6, WellKnown.Timestamp);
        AddFields(record, resource.Fields);
        ProtoMessage Request(string verb) => file.Message($"{verb}Request");
        ProtoMessage ById(string verb) => Request(verb).Add("id", 2, ProtoKind.Text);

        var service = new ProtoInterface(many, $"{file.Package}.{many}") { Comment = resource.Description ?? $"The resource {resource.Table}.", Plugin = resource.Plugin };
        file.Services.Add(service);
        var list = ResourceFile.AddListing(Request("List" + many));
        service.Add("Get", ById("Get" + one).Add("fields", 3, ProtoKind.Text, "Only these fields; all when empty.", repeated: true), record, call => methods.GetAsync(call, target));
        service.Add("List", list, ResourceFile.Page(file, $"List{many}Response", record), call => methods.ListAsync(call, target));
        service.Add("StreamList", list, record, call => methods.StreamAsync(call, target), serverStreams: true);
        if (resource.View is not null)
            return;
        service.Add("Create", ById("Create" + one).Add("record", 3, record), record, call => methods.ChangeAsync(call, target, ChangeKind.Create));
        var update = ById("Update" + one).Add("record", 3, record, "The fields to change.").Add("replace", 4, ProtoKind.Bool, "All fields anew.").Add("if_revision", 5, ProtoKind.Int64, ResourceFile.IfRevision, optional: true).Add("clear", 6, ProtoKind.Text, "Fields that lose their value.", repeated: true);
        service.Add("Update", update, record, call => methods.ChangeAsync(call, target, ChangeKind.Merge));
        service.Add("Delete", ById("Delete" + one).Add("if_revision", 3, ProtoKind.Int64, ResourceFile.IfRevision, optional: true), shared.Deleted, call => methods.ChangeAsync(call, target, ChangeKind.Delete));
        service.Add("Watch", ResourceFile.AddWatching(Request("Watch" + many)), ResourceFile.Event(file, one + "Event", record), call => methods.WatchAsync(call, target), serverStreams: true);
        var taken = service.Methods.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var action in resource.Actions)
        {
            var verb = ProtoNames.Pascal(action.Name);
            verb = taken.Add(verb) ? verb : verb + "Action";
            var request = ById(verb + one);
            if (!action.Input.IsDefaultOrEmpty)
            {
                var input = file.Message($"{verb}{one}Input");
                AddFields(input, action.Input);
                request.Add("input", 4, input);
            }
            var own = target with { Action = action.Name };
            service.Add(verb, request.Add("if_revision", 5, ProtoKind.Int64, ResourceFile.IfRevision, optional: true), record, call => methods.ChangeAsync(call, own, ChangeKind.Action), action.Description);
        }
    }

    private void AddFields(ProtoMessage to, ImmutableArray<FieldDescriptor> fields)
    {
        // By name, so that of two whose numbers would be the same it is always the same one that gives way.
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in fields.Select(f => f.Name).Order(StringComparer.Ordinal))
            numbers[name] = ProtoNames.Number(name, number => to.Find(number) is not null || numbers.ContainsValue(number));
        foreach (var field in fields)
        {
            var name = ProtoNames.Snake(field.Name);
            if (!hidden.Contains(field.Name, StringComparer.OrdinalIgnoreCase) && !to.Fields.Exists(f => f.Name == name || f.JsonName == field.Name))
                AddField(to, field, name, numbers[field.Name]);
        }
    }

    private void AddField(ProtoMessage to, FieldDescriptor field, string name, int number)
    {
        var comment = field.Description ?? (field.Unit is { } unit ? $"In {unit}." : null);
        switch (field)
        {
            case { Kind: FieldKind.Map, Element: { Kind: not (FieldKind.List or FieldKind.Map) } element }:
                to.AddMap(name, number, Field(to, element, "value", 2, "value", null, alone: false), comment, field.Name);
                break;
            case { Kind: FieldKind.List, Element: { Kind: not (FieldKind.List or FieldKind.Map) } element }:
                to.Add(Field(to, element, name, number, field.Name, comment, alone: false));
                break;
            default:
                to.Add(Field(to, field, name, number, field.Name, comment));
                break;
        }
    }

    /// <summary>A field of one value, or of the elements of a list or, as the second field of an entry, of a map. What has no type of its own is any JSON.</summary>
    private ProtoField Field(ProtoMessage owner, FieldDescriptor field, string name, int number, string jsonName, string? comment, bool alone = true)
    {
        var kind = field.Kind switch
        {
            FieldKind.Integer => ProtoKind.Int64,
            FieldKind.Real => ProtoKind.Double,
            FieldKind.Boolean => ProtoKind.Bool,
            FieldKind.Choice => ProtoKind.Enum,
            FieldKind.Instant or FieldKind.Money or FieldKind.Group or FieldKind.Json or FieldKind.List or FieldKind.Map => ProtoKind.Message,
            _ => ProtoKind.Text,
        };
        var message = field.Kind switch
        {
            FieldKind.Instant => WellKnown.Timestamp,
            FieldKind.Money => shared.Money,
            FieldKind.Group => Group(owner, field, name),
            _ when kind == ProtoKind.Message => WellKnown.Value,
            _ => null,
        };
        return new ProtoField(name, number, kind)
        {
            JsonName = jsonName, Comment = comment, IsRepeated = !alone && number > 2, IsOptional = alone && kind != ProtoKind.Message, Message = message, Enum = kind == ProtoKind.Enum ? Choice(owner, field, name) : null,
        };
    }

    private ProtoMessage Group(ProtoMessage owner, FieldDescriptor field, string name)
    {
        var title = Free(owner, ProtoNames.Pascal(name));
        var group = new ProtoMessage(title, $"{owner.FullName}.{title}") { Comment = field.Description };
        owner.Nested.Add(group);
        AddFields(group, field.Fields);
        return group;
    }

    private static ProtoEnum Choice(ProtoMessage owner, FieldDescriptor field, string name)
    {
        var title = Free(owner, ProtoNames.Pascal(name));
        var prefix = ProtoNames.Snake(title).ToUpperInvariant();
        var type = new ProtoEnum(title, $"{owner.FullName}.{title}");
        type.Values.Add(($"{prefix}_UNSPECIFIED", 0, null));
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var word in field.Choices.Order(StringComparer.Ordinal))
            numbers[word] = ProtoNames.Number(word, number => numbers.ContainsValue(number));
        foreach (var word in field.Choices.Distinct())
        {
            var value = $"{prefix}_{ProtoNames.Snake(word).ToUpperInvariant()}";
            type.Values.Add((type.Values.Exists(v => v.Name == value) ? $"{value}_{numbers[word]}" : value, numbers[word], word));
        }
        owner.Enums.Add(type);
        return type;
    }

    private static string Free(ProtoMessage owner, string title)
    {
        while (owner.Nested.Exists(n => n.Name == title) || owner.Enums.Exists(e => e.Name == title) || title == owner.Name)
            title += "_";
        return title;
    }
}
