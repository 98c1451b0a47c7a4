using System.Collections.Immutable;

namespace Nexus.Core.Identity.Accounts;

/// <summary>What identity keeps of a user beside its record: second factor, passkeys, consents, links to other sites' accounts.</summary>
internal sealed class AccountParts(Tree tree)
{
    /// <summary>Removes it all. Runs before the account itself goes: after a crash in between, deleting the account once more finishes it.</summary>
    public async Task RemoveAsync(User user, CancellationToken cancellationToken)
    {
        foreach (var tenant in new[] { CallContext.DefaultTenant, user.Tenant }.Distinct(StringComparer.Ordinal))
        {
            var passkeys = await tree.AllAsync(tenant, $"passkeys/{user.Id}", cancellationToken);
            var consents = await tree.AllAsync(tenant, $"consents/{user.Id}", cancellationToken);
            var links = (await tree.AllAsync(tenant, "external", cancellationToken)).Where(d => (string?)d.Value?["user"] == user.Id);
            ImmutableArray<string> paths =
            [
                $"second-factors/{user.Id}",
                .. passkeys.SelectMany(p => new[] { p.Path, $"passkey-ids/{p.Path[(p.Path.LastIndexOf('/') + 1)..]}" }),
                .. consents.Concat(links).Select(d => d.Path),
            ];
            await tree.CommitAsync(tenant, [.. paths.Select(p => new DocumentWrite(p, null, Delete: true))], cancellationToken: cancellationToken);
        }
    }
}
