using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Nexus;

/// <summary>One thing that a plugin declared. Contributions are recorded as singletons in <see cref="IPluginBuilder.Services"/>; the kernel reads them from there.</summary>
public abstract record Contribution;

/// <summary>Routes. The author gets the real <see cref="IEndpointRouteBuilder"/>, rooted at the plugin's prefix and its own provider.</summary>
/// <param name="Map">Maps the routes.</param>
public sealed record EndpointContribution(Action<IEndpointRouteBuilder> Map) : Contribution;

/// <summary>A middleware around every request that reaches a plugin endpoint or a resource of this node.</summary>
/// <param name="Order">Lower runs first (outermost).</param>
/// <param name="Invoke">Calls <c>next</c> to go on, or ends the chain by not calling it.</param>
public sealed record MiddlewareContribution(int Order, Func<HttpContext, Func<Task>, Task> Invoke) : Contribution;

/// <summary>A stored thing with its routes, rules and actions.</summary>
/// <param name="Descriptor">The complete inert description.</param>
public sealed record ResourceContribution(ResourceDescriptor Descriptor) : Contribution;

/// <summary>An event handler.</summary>
/// <param name="Descriptor">Pattern, group, priority, handler.</param>
public sealed record SubscriptionContribution(SubscriptionDescriptor Descriptor) : Contribution;

/// <summary>An options type bound to the plugin's configuration section.</summary>
/// <param name="Section">Sub-section, or empty for the whole plugin section.</param>
/// <param name="Validate">Returns every error of the bound value, each with its key; empty when valid.</param>
public sealed record OptionsContribution(string Section, Func<IServiceProvider, ImmutableArray<FieldError>> Validate) : Contribution;

/// <summary>An implementation of a service contract that other plugins may call.</summary>
/// <param name="Descriptor">The contract and how to reach the implementation.</param>
public sealed record ServiceContribution(ProvidedServiceDescriptor Descriptor) : Contribution;

/// <summary>Forward-only SQL migrations of the plugin's own database.</summary>
/// <param name="Folder">Folder of <c>NNNN_name.sql</c> files, relative to the entry assembly.</param>
public sealed record MigrationContribution(string Folder) : Contribution;
