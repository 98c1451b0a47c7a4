namespace Nexus.Kernel.Tests.Events;

public sealed class EventPatternTests
{
    [Theory]
    [InlineData("orders.created")]
    [InlineData("user.registration.started")]
    [InlineData("finance.ledger.journals.mark-paid")]
    [InlineData("a1.b_2")]
    public void Dotted_lower_case_words_are_names(string name) => EventName.Check(name);

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("orders", "it has one word only")]
    [InlineData("orders..created", "a word between two dots is empty")]
    [InlineData("orders.created.", "a word between two dots is empty")]
    [InlineData("Orders.created", "the word \"Orders\" does not start with a letter a–z")]
    [InlineData("orders.1st", "the word \"1st\" does not start with a letter a–z")]
    [InlineData("orders.cre ated", "the word \"cre ated\" has the character ' '")]
    [InlineData("orders.*", "the word \"*\" does not start with a letter a–z")]
    public void Other_texts_are_refused_with_the_rule_they_break(string name, string reason)
    {
        var error = Assert.Throws<NexusException>(() => EventName.Check(name));

        Assert.Equal("INVALID_EVENT_TYPE", error.Code);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*", "data.created,data.changed,data.error,disk.error,user.created,user.gone")]
    [InlineData("data.*", "data.created,data.changed,data.error")]
    [InlineData("*.error", "data.error,disk.error")]
    [InlineData("user.created", "user.created")]
    public void Wildcards_stand_for_words(string pattern, string matching)
    {
        string[] names = ["data.created", "data.changed", "data.error", "disk.error", "user.created", "user.gone"];

        Assert.Equal(matching, string.Join(',', names.Where(EventPattern.Parse(pattern).Matches)));
    }

    [Theory]
    [InlineData("orders.*", "orders.line.added", true)]
    [InlineData("orders.*", "orders", false)]
    [InlineData("*.failed", "payments.card.failed", true)]
    [InlineData("a.*.z", "a.b.c.z", true)]
    [InlineData("a.*.z", "a.z", false)]
    [InlineData("*.*", "a.b.c", true)]
    public void A_wildcard_stands_for_one_or_more_words(string pattern, string name, bool matches) =>
        Assert.Equal(matches, EventPattern.Parse(pattern).Matches(name));
}
