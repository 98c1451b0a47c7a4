using System.Runtime.CompilerServices;
using System.Text;

namespace Nexus.Core.Audit.Anchors;

/// <summary>An address elsewhere that takes a POST of one JSON object a seal and answers 2xx when it kept it. How far it has come is kept here, because it need not be readable.</summary>
internal sealed class HttpAnchor(Uri address, IHttpClientFactory clients, ISqlDatabase database) : IAnchor
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public string Name => address.ToString();

    public async ValueTask<long> LastAsync(CancellationToken cancellationToken) =>
        (await database.QueryAsync("SELECT number FROM anchored WHERE name=@name", new Dictionary<string, object?> { ["name"] = Name }, cancellationToken)) is [var row] ? (long)row.Values[0]! : 0;

    public ValueTask AppendAsync(AnchoredSeal seal, CancellationToken cancellationToken) => SendAsync(seal.ToJson(), seal.Seal.Number, cancellationToken);

    public ValueTask AcknowledgeAsync(Acknowledgement word, CancellationToken cancellationToken) => SendAsync(word.ToJson(), word.From - 1, cancellationToken);

    public async IAsyncEnumerable<AnchorLine> ReadAsync(string tenant, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield break;
    }

    private async ValueTask SendAsync(string line, long number, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var client = clients.CreateClient("audit-anchor");
        using var content = new StringContent(line, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(address, content, limit.Token);
        answer.EnsureSuccessStatusCode();
        await database.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO anchored (name,number) VALUES (@name,@number) ON CONFLICT (name) DO UPDATE SET number=excluded.number", new Dictionary<string, object?> { ["name"] = Name, ["number"] = number }), cancellationToken);
    }
}
