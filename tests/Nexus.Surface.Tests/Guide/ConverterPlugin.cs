using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Surface.Tests.Guide;

/// <summary>The plugin of the chapter about tools.</summary>
internal sealed class ConverterPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin) => plugin
        .AddTool<Conversion, Converted>("convert", "Converts an amount by the rates of the day before.", async (services, asked, cancellationToken) =>
        {
            var rate = await services.GetRequiredService<IDocuments>().GetAsync<decimal?>($"rates/{asked.From}-{asked.To}", cancellationToken)
                ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no rate from {asked.From} to {asked.To}.");
            return new Converted(asked.Amount * rate);
        })
        .AddTool<Rate, Rate>("set-rate", "Sets the rate of a day.", async (services, rate, cancellationToken) =>
        {
            await services.GetRequiredService<IDocuments>().SetAsync($"rates/{rate.From}-{rate.To}", rate.Value, cancellationToken);
            return rate;
        }, tool => tool with { Writes = true, Idempotent = true })
        .MapEndpoints(routes => routes.MapPost("/ask", async (string question, ITools tools, IChatClient model, CancellationToken cancellationToken) =>
        {
            var found = await tools.ListAsync(cancellationToken);
            return await model.GetResponseAsync(question, new ChatOptions { Tools = [.. found] }, cancellationToken);
        }));
}

/// <summary>What is to be converted.</summary>
public sealed record Conversion([property: Range(0, 1_000_000_000)] decimal Amount, [property: Description("Currency of the amount, such as EUR.")] string From, string To);

/// <summary>The converted amount.</summary>
public sealed record Converted(decimal Amount);

/// <summary>The rate of a day.</summary>
public sealed record Rate(string From, string To, decimal Value);
