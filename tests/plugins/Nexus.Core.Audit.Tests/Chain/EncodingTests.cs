using System.Text;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Tests.Chain;

public sealed class EncodingTests
{
    private static readonly string?[] Texts = [null, "", "a", "ab", "b", "\0", "\0\0\0\u0001", "ä", "a\0b"];

    [Fact]
    public void Entries_that_differ_have_different_bytes_and_bytes_give_the_entry_back()
    {
        var random = new Random(5);
        var seen = new Dictionary<string, AuditEntry>();
        for (var i = 0; i < 20_000; i++)
        {
            var entry = new AuditEntry
            {
                At = DateTimeOffset.UnixEpoch.AddMicroseconds(random.Next(3)),
                Tenant = Texts[random.Next(1, Texts.Length)]!,
                Actor = Texts[random.Next(1, Texts.Length)]!,
                Action = Texts[random.Next(1, Texts.Length)]!,
                Subject = Texts[random.Next(Texts.Length)],
                Result = (AuditResult)random.Next(3),
                Address = Texts[random.Next(Texts.Length)],
                UserAgent = Texts[random.Next(Texts.Length)],
                CorrelationId = Texts[random.Next(Texts.Length)],
                Detail = Encoding.UTF8.GetBytes(Texts[random.Next(1, Texts.Length)]!),
            };
            var bytes = AuditEncoding.Encode(entry);
            Assert.Equal(Plain(entry), Plain(AuditEncoding.Decode(bytes)));
            if (seen.TryGetValue(Convert.ToHexString(bytes), out var other))
                Assert.Equal(Plain(other), Plain(entry));
            seen[Convert.ToHexString(bytes)] = entry;
        }
    }

    [Fact]
    public void Bytes_that_are_cut_or_continued_are_no_entry()
    {
        var bytes = AuditEncoding.Encode(Trail.Entry(1));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => AuditEncoding.Decode(bytes.AsMemory(0, length)));
        Assert.Throws<FormatException>(() => AuditEncoding.Decode((byte[])[.. bytes, 0]));
        Assert.Throws<FormatException>(() => AuditEncoding.Decode((byte[])[2, .. bytes[1..]]));
    }

    [Fact]
    public void The_hash_of_a_known_entry_never_changes()
    {
        var leaf = Batch.Seal(1, [(7, AuditEncoding.Encode(Trail.Entry(1)))], new byte[Hashing.Size]).Leaves();

        Assert.Equal("0100064752551B3240000000000764", Convert.ToHexString(AuditEncoding.Encode(Trail.Entry(1)).AsSpan(0, 15)));
        Assert.Equal("f11e945754a425ec193c58f3213973212469c26eff9b20bccf1927f6d5bca22e", Convert.ToHexStringLower(leaf));
    }

    private static (DateTimeOffset, string, string, string, string?, AuditResult, string?, string?, string?, string) Plain(AuditEntry e) =>
        (e.At, e.Tenant, e.Actor, e.Action, e.Subject, e.Result, e.Address, e.UserAgent, e.CorrelationId, Encoding.UTF8.GetString(e.Detail.Span));
}
