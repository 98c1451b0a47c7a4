namespace Nexus.Finance.Ledger.Imports;

/// <summary>Reads a statement file of any known format: the one place that knows them all.</summary>
internal static class StatementReader
{
    /// <summary>Reads a file by its own evidence.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="answers">Answers to questions of an earlier reading; <c>format</c> and <c>encoding</c> among them.</param>
    /// <returns>What was found; problems and questions are in it, nothing is thrown for them.</returns>
    /// <exception cref="NexusException">The file is too large, or no text at all.</exception>
    public static StatementReading Read(ReadOnlySpan<byte> bytes, ReadingAnswers? answers = null)
    {
        answers ??= ReadingAnswers.None;
        var declared = Ofx.DeclaredEncoding(bytes);
        var text = StatementText.Decode(bytes, declared, answers["encoding"]);
        return Bounded(Doubted(text, answers["format"]?.ToLowerInvariant() switch
        {
            "ofx" or "qfx" => Ofx.Read(text, answers, declared),
            "qif" => Qif.Read(text, answers),
            "csv" => Csv.Read(text, answers),
            null or "auto" => ByContent(text, answers, declared),
            var other => throw new NexusException(ErrorCodes.ImportUnreadable, $"The format \"{ReadingLimits.Short(other)}\" is not known; write ofx, qif or csv."),
        }));
    }

    private static StatementReading Doubted(StatementText text, StatementReading reading) => text.Doubt.IsEmpty
        ? reading
        : reading with { Questions = [new ReadingQuestion("encoding", "In which encoding is the file? Its text reads well in several.", text.Doubt), .. reading.Questions] };

    private static StatementReading Bounded(StatementReading reading) => reading.Statements.Sum(s => s.Lines.Length) is var lines and > ReadingLimits.Booked
        ? throw new NexusException(ErrorCodes.PayloadTooLarge, $"The file has {lines:N0} booked lines; one import takes at most {ReadingLimits.Booked:N0}. Export shorter periods; overlapping ones are recognised.")
        : reading;

    private static StatementReading ByContent(StatementText text, ReadingAnswers answers, string? declared)
    {
        if (Ofx.Matches(text.Value)) return Ofx.Read(text, answers, declared);
        if (Qif.Matches(text.Value)) return Qif.Read(text, answers);
        var head = text.Value.AsSpan().TrimStart();
        if (head.StartsWith("<", StringComparison.Ordinal) || head.StartsWith("{", StringComparison.Ordinal) || head.StartsWith("[", StringComparison.Ordinal) || head.StartsWith("%PDF", StringComparison.Ordinal) || IsSwift(head))
        {
            var log = new ReadingLog();
            log.Problem(1, $"The file begins with \"{ReadingLimits.Short(head[..Math.Min(head.Length, 30)].ToString())}\", which is neither OFX nor QIF nor CSV. Export one of these.");
            return log.Finish("unknown", [], []);
        }
        return Csv.Read(text, answers);
    }

    // MT940: its lines begin with :61: and the like; read as CSV they would only raise questions without answers.
    private static bool IsSwift(ReadOnlySpan<char> text)
    {
        foreach (var line in text[..Math.Min(text.Length, 4_096)].EnumerateLines())
        {
            if (line.StartsWith(":20:", StringComparison.Ordinal) || line.StartsWith(":60F:", StringComparison.Ordinal) || line.StartsWith(":61:", StringComparison.Ordinal)) return true;
        }
        return false;
    }
}
