using System.Text;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

/// <summary>Where the real statements are, and short ways to read texts.</summary>
internal static class Statements
{
    public static byte[] Bytes(string path)
    {
        var folder = Folder();
        Assert.SkipWhen(folder is null, $"SKIPPED {path}: the folder of real statements is missing; set NEXUS_STATEMENTS to it or put it at ../shared/data/statements beside the repository.");
        return File.ReadAllBytes(Path.Combine(folder!, path));
    }

    public static string? Folder()
    {
        if (Environment.GetEnvironmentVariable("NEXUS_STATEMENTS") is { Length: > 0 } named) return named;
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Nexus.slnx"))) root = root.Parent;
        var folder = root is null ? null : Path.Combine(root.FullName, "..", "shared", "data", "statements");
        return Directory.Exists(folder) ? folder : null;
    }

    public static StatementReading Real(string path, params (string Id, string Value)[] answers) => StatementReader.Read(Bytes(path), Answers(answers));

    public static StatementReading Text(string text, params (string Id, string Value)[] answers) => StatementReader.Read(Encoding.UTF8.GetBytes(text), Answers(answers));

    public static ReadingAnswers Answers(params (string Id, string Value)[] answers) => new(ReadingAnswers.None.Values.AddRange(answers.Select(a => KeyValuePair.Create(a.Id, a.Value))));

    public static string Sum(this ParsedStatement statement) => statement.Lines.Aggregate(Ledger.Money.ExactDecimal.Zero, (sum, line) => sum.Add(line.Amount)!.Value).ToString();

    public static string[] Amounts(this StatementReading reading) => [.. reading.Statements.SelectMany(s => s.Lines).Select(l => l.Amount.ToString())];

    public static string[] Dates(this StatementReading reading) => [.. reading.Statements.SelectMany(s => s.Lines).Select(l => l.Date.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture))];
}
