namespace Nexus.Data.Search;

/// <summary>M. F. Porter, "An algorithm for suffix stripping", 1980; the numbers are its steps.</summary>
internal sealed class EnglishStem
{
    private static readonly (string End, string With)[] Step2 =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("abli", "able"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
        ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ];

    private static readonly (string End, string With)[] Step3 = [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Step4 = ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"];

    private string word;

    private EnglishStem(string word) => this.word = word;

    public static string Of(string word)
    {
        if (word.Length <= 2 || word.AsSpan().ContainsAnyExceptInRange('a', 'z'))
            return word;
        var stem = new EnglishStem(word);
        stem.Plurals();
        stem.PastAndProgressive();
        stem.Replace(Step2);
        stem.Replace(Step3);
        stem.Remove();
        stem.Finish();
        return stem.word;
    }

    // 1a
    private void Plurals()
    {
        if (Ends("sses") || Ends("ies"))
            Cut(2);
        else if (Ends("s") && !Ends("ss"))
            Cut(1);
    }

    // 1b and 1c
    private void PastAndProgressive()
    {
        if (Ends("eed"))
        {
            if (Measure(word.Length - 3) > 0)
                Cut(1);
        }
        else if ((Ends("ed") && HasVowel(word.Length - 2)) || (Ends("ing") && HasVowel(word.Length - 3)))
        {
            Cut(Ends("ed") ? 2 : 3);
            if (Ends("at") || Ends("bl") || Ends("iz"))
                word += "e";
            else if (EndsDoubled() && word[^1] is not ('l' or 's' or 'z'))
                Cut(1);
            else if (Measure(word.Length) == 1 && IsShort(word.Length))
                word += "e";
        }

        if (Ends("y") && HasVowel(word.Length - 1))
            word = word[..^1] + "i";
    }

    // 2 and 3: of the ends that fit, the longest decides.
    private void Replace((string End, string With)[] rules)
    {
        if (rules.Where(r => Ends(r.End)).OrderByDescending(r => r.End.Length).FirstOrDefault() is { End: { } end } rule && Measure(word.Length - end.Length) > 0)
            word = word[..^end.Length] + rule.With;
    }

    // 4
    private void Remove()
    {
        if (Step4.Where(Ends).MaxBy(e => e.Length) is not { } end)
            return;
        var left = word.Length - end.Length;
        if (Measure(left) > 1 && (end != "ion" || (left > 0 && word[left - 1] is 's' or 't')))
            Cut(end.Length);
    }

    // 5
    private void Finish()
    {
        if (Ends("e") && Measure(word.Length - 1) is var measure && (measure > 1 || (measure == 1 && !IsShort(word.Length - 1))))
            Cut(1);
        if (Ends("ll") && Measure(word.Length) > 1)
            Cut(1);
    }

    private bool Ends(string end) => word.EndsWith(end, StringComparison.Ordinal);

    private void Cut(int letters) => word = word[..^letters];

    private bool IsConsonant(int i) => word[i] switch
    {
        'a' or 'e' or 'i' or 'o' or 'u' => false,
        'y' => i == 0 || !IsConsonant(i - 1),
        _ => true,
    };

    private bool HasVowel(int length) => Enumerable.Range(0, length).Any(i => !IsConsonant(i));

    /// <summary>How often a consonant follows a vowel.</summary>
    private int Measure(int length) => Enumerable.Range(0, length).Count(i => i > 0 && IsConsonant(i) && !IsConsonant(i - 1));

    private bool EndsDoubled() => word.Length > 1 && word[^1] == word[^2] && IsConsonant(word.Length - 1);

    /// <summary>Consonant, vowel, consonant, the last none of w, x, y.</summary>
    private bool IsShort(int length) => length > 2 && IsConsonant(length - 3) && !IsConsonant(length - 2) && IsConsonant(length - 1) && word[length - 1] is not ('w' or 'x' or 'y');
}
