using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Rest;

/// <summary>A middleware of a plugin with the lease on its code.</summary>
internal sealed record MiddlewareLink(IGeneration Lease, MiddlewareContribution Middleware);

/// <summary>Runs the middleware of all plugins around a request, outermost first.</summary>
internal static class MiddlewareChain
{
    /// <summary>The chain of a snapshot: by order, then in dependency order of the plugins.</summary>
    public static MiddlewareLink[] Of(PlatformSnapshot snapshot) =>
        [.. snapshot.Plugins.SelectMany(p => p.Middleware.Select(m => new MiddlewareLink(p.Lease, m))).OrderBy(l => l.Middleware.Order)];

    /// <summary>Takes every lease, then runs the chain and the end; false, with nothing run, when a generation of it drains.</summary>
    public static async Task<bool> TryRunAsync(MiddlewareLink[] chain, HttpContext context, ScopeParts scopes, Func<Task> end)
    {
        var entered = 0;
        try
        {
            for (; entered < chain.Length; entered++)
            {
                if (!chain[entered].Lease.TryEnter())
                    return false;
            }
            await RunFromAsync(chain, 0, context, scopes, end);
            return true;
        }
        finally
        {
            while (--entered >= 0)
                chain[entered].Lease.Exit();
        }
    }

    private static async Task RunFromAsync(MiddlewareLink[] chain, int index, HttpContext context, ScopeParts scopes, Func<Task> end)
    {
        if (index == chain.Length)
        {
            await end();
            return;
        }
        var scope = PluginScope.Enter(context, chain[index].Lease, scopes);
        try
        {
            await chain[index].Middleware.Invoke(context, () => RunFromAsync(chain, index + 1, context, scopes, end));
        }
        finally
        {
            await scope.LeaveAsync();
        }
    }
}
