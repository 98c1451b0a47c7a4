using System.Security.Cryptography;
using System.Text;

namespace Nexus.Engines.Redis.Connections;

/// <summary>A script that a server runs as one step. Called by its hash; sent whole when the server does not know it yet.</summary>
internal sealed class RedisScript(string text)
{
    public string Text => text;

    // The hash by which the protocol names scripts; no secret rests on it.
#pragma warning disable CA5350
    public string Hash { get; } = Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
}
