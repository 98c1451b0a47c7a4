using Microsoft.Extensions.Configuration;
using Nexus.Conformance;
using Nexus.Data.Blobs;
using Nexus.Data.Memory;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Conformance;

public sealed class Blobs_of_memory_conform : BlobConformance
{
    protected override async ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync() =>
        await new MemoryStorage(TimeProvider.System).OpenAsync(new StorageOptions(Folder), CancellationToken.None) is var set ? (set.Blobs, set) : default;
}

public sealed class Blobs_of_Sqlite_conform : BlobConformance
{
    protected override async ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync() =>
        await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(Folder), CancellationToken.None) is var set ? (set.Blobs, set) : default;
}

public sealed class Blobs_in_a_folder_conform : BlobConformance
{
    protected override async ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync() =>
        await new FolderStorage().OpenAsync(new BlobOptions(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("directory", (string?)Folder)]).Build()), CancellationToken.None) is var set ? (set.Store, set) : default;
}
