using System.Text.Json.Nodes;
using Nexus.Data.Records;

namespace Nexus.Data.Tenants;

/// <summary>Records and events as an export writes them, the same on every engine.</summary>
internal static class TenantJson
{
    public static JsonObject Record(StoredRecord record) => new()
    {
        ["id"] = record.Id,
        ["revision"] = record.Revision,
        ["owner"] = record.Owner,
        ["team"] = record.Team,
        ["createdAt"] = record.CreatedAt,
        ["updatedAt"] = record.UpdatedAt,
        ["value"] = Masked(JsonNode.Parse(record.Json.Span)),
    };

    public static JsonObject Event(EventMessage message) => new()
    {
        ["id"] = message.Id,
        ["name"] = message.Name,
        ["occurredAt"] = message.OccurredAt,
        ["source"] = message.Source,
        ["correlationId"] = message.CorrelationId,
        ["key"] = message.Key,
        ["data"] = JsonNode.Parse(message.Data.Span),
    };

    private static JsonNode? Masked(JsonNode? value)
    {
        switch (value)
        {
            case JsonObject sealedValue when sealedValue.ContainsKey(ProtectedFields.Sealed):
                return "***";
            case JsonObject members:
                foreach (var name in members.Select(m => m.Key).ToArray())
                {
                    var inner = members[name];
                    if (Masked(inner) is var masked && masked != inner)
                        members[name] = masked;
                }

                return members;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    var inner = list[i];
                    if (Masked(inner) is var masked && masked != inner)
                        list[i] = masked;
                }

                return list;
            default:
                return value;
        }
    }
}
