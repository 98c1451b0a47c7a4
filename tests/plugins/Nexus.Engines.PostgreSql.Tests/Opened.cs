using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Nexus.Engines.PostgreSql.Tests;

/// <summary>Short ways to open the engine and to write.</summary>
internal static class Opened
{
    public static async Task<StorageSet> OpenAsync(string connectionString, ILoggerFactory? loggers = null, params (string Key, string Value)[] settings) =>
        await new PostgreSqlPlugin().OpenAsync(new StorageOptions(Path.GetTempPath(), connectionString)
        {
            Settings = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build(),
            Loggers = loggers ?? NullLoggerFactory.Instance,
        }, CancellationToken.None);

    public static RecordWrite Put(string id, string json, string table = "crm.people", string tenant = CallContext.DefaultTenant, long? expected = 0) => new()
    {
        Key = new RecordKey(tenant, table, id),
        ExpectedRevision = expected,
        Record = new StoredRecord { Id = id, Revision = (expected ?? 0) + 1, Json = Encoding.UTF8.GetBytes(json) },
    };

    public static Task<CommitResult> CommitAsync(this StorageSet set, params RecordWrite[] writes) => set.Records.CommitAsync(new WriteBatch { Writes = [.. writes] }, CancellationToken.None).AsTask();

    public static async Task DeclareAsync(this StorageSet set, IndexDescriptor[] indexes, params string[] search)
    {
        await using var change = await set.Schema.BeginAsync(new SchemaRequest("crm", [new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Indexes = [.. indexes], Search = [.. search] }], []), CancellationToken.None);
        await change.CommitAsync(CancellationToken.None);
    }
}
