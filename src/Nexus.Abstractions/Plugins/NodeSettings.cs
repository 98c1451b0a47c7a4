using Microsoft.Extensions.Configuration;

namespace Nexus;

/// <summary>The whole configuration of the node, secrets included. Core plugins find it among their services; they are as trusted as the host.</summary>
/// <param name="Root">Its root.</param>
public sealed record NodeSettings(IConfiguration Root);
