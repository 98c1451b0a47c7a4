namespace Email;

/// <summary>A letter: its first line is the subject, <c>{name}</c> stands for a value. A file of its name in the folder of templates replaces the text here.</summary>
internal sealed record Template(string Name, string Text)
{
    public static Template Welcome { get; } = new("welcome", "Welcome\nHello {name}, welcome!");

    public static Template Verification { get; } = new("verification", "Confirm your address\nHello {name}, your code is {code}.");

    public async Task<(string Subject, string Body)> FillAsync(string? folder, (string Name, string Value)[] values, CancellationToken cancellationToken)
    {
        var file = folder is null ? null : Path.Combine(folder, Name + ".txt");
        var text = File.Exists(file) ? await File.ReadAllTextAsync(file, cancellationToken) : Text;
        // The subject is parted off first, so that a value with a line break stays where the template has it.
        var lines = text.ReplaceLineEndings("\n").Split('\n', 2);
        string Filled(string part) => values.Aggregate(part, (filled, value) => filled.Replace($"{{{value.Name}}}", value.Value, StringComparison.Ordinal));
        return (Filled(lines[0]), Filled(lines.ElementAtOrDefault(1) ?? "").Trim());
    }
}
