using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Http;
using Nexus.Finance.Ledger.Imports;
using Nexus.Finance.Ledger.Views;

namespace Nexus.Finance.Ledger;

/// <summary>The double-entry ledger: books, accounts, immutable journals, registers with running balances, and statement imports.</summary>
public sealed class LedgerPlugin : IPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services
            .AddSingleton<LedgerMeters>()
            .AddSingleton(s => new Chart(s.GetRequiredService<ISqlDatabase>(), Clock(s)))
            .AddSingleton(s => new Journals(s.GetRequiredService<ISqlDatabase>(), Clock(s), s.GetRequiredService<LedgerMeters>()))
            .AddSingleton(s => new Importer(s.GetRequiredService<ISqlDatabase>(), Clock(s), s.GetRequiredService<LedgerMeters>()))
            .AddSingleton(s => new ImportHistory(s.GetRequiredService<ISqlDatabase>()))
            .AddSingleton(s => new Registers(s.GetRequiredService<ISqlDatabase>()))
            .AddSingleton(s => new Overviews(s.GetRequiredService<ISqlDatabase>(), Clock(s)))
            .AddSingleton(s => new Auditor(s.GetRequiredService<ISqlDatabase>()))
            .AddSingleton(s => new Profiles(s.GetRequiredService<ISqlDatabase>()))
            .ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, LedgerJson.Default));
        plugin.AddMigrations();
        plugin.AddRole("financial_analyst", "Keeps books: reads, enters and imports.", "finance.*:read", "finance.*:create", "finance.*:update")
            .AddRole("compliance_officer", "Reads all books and runs their audits.", "finance.*:read", "finance.*:audit")
            .AddRole("auditor", "Reads all books and runs their audits; changes nothing.", "finance.*:read", "finance.*:audit")
            .AddRole("viewer", "Reads all books.", "finance.*:read");
        LedgerViews.Add(plugin);
        JournalTools.Add(plugin);
        LedgerPages.Add(plugin);
        plugin.MapEndpoints(routes =>
        {
            BookRoutes.Map(routes);
            OverviewRoutes.Map(routes);
            JournalRoutes.Map(routes);
            ImportRoutes.Map(routes);
        });
    }

    private static TimeProvider Clock(IServiceProvider services) => services.GetService<TimeProvider>() ?? TimeProvider.System;
}
