using System.Buffers;
using System.Text;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Tests.Protocol;

public sealed class RespParserTests
{
    /// <summary>Every type of the protocol, and what it means.</summary>
    public static TheoryData<string, string> Values => new()
    {
        { "+OK\r\n", "Simple OK" },
        { "-ERR no\r\n", "Error ERR no" },
        { ":-42\r\n", "Integer -42" },
        { "$5\r\nhello\r\n", "Bulk hello" },
        { "$0\r\n\r\n", "Bulk " },
        { "$4\r\n\r\n\r\n\r\n", "Bulk \r\n\r\n" },
        { "$-1\r\n", "Null" },
        { "*-1\r\n", "Null" },
        { "_\r\n", "Null" },
        { "*0\r\n", "Array []" },
        { "*2\r\n:1\r\n*1\r\n+a\r\n", "Array [Integer 1, Array [Simple a]]" },
        { ",1.5\r\n", "Double 1.5" },
        { ",inf\r\n", "Double Infinity" },
        { ",-inf\r\n", "Double -Infinity" },
        { ",nan\r\n", "Double NaN" },
        { "#t\r\n", "Boolean true" },
        { "#f\r\n", "Boolean false" },
        { "(3492890328409238509324850943850943825024385\r\n", "BigNumber 3492890328409238509324850943850943825024385" },
        { "!5\r\nERR x\r\n", "Error ERR x" },
        { "=7\r\ntxt:abc\r\n", "Verbatim abc" },
        { "%1\r\n+a\r\n:1\r\n", "Map [Simple a, Integer 1]" },
        { "~2\r\n:1\r\n:2\r\n", "Set [Integer 1, Integer 2]" },
        { ">2\r\n+message\r\n+x\r\n", "Push [Simple message, Simple x]" },
        { "|1\r\n+ttl\r\n:5\r\n+OK\r\n", "Simple OK" },
        { "*2\r\n|1\r\n+ttl\r\n:5\r\n+a\r\n+b\r\n", "Array [Simple a, Simple b]" },
        { "|0\r\n+OK\r\n", "Simple OK" },
        { "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", "Bulk Hello" },
        { "*?\r\n:1\r\n$?\r\n;1\r\na\r\n;0\r\n.\r\n", "Array [Integer 1, Bulk a]" },
        { "%?\r\n+a\r\n:1\r\n.\r\n", "Map [Simple a, Integer 1]" },
        { "~?\r\n.\r\n", "Set []" },
    };

    public static TheoryData<string> Broken => [.. new[]
    {
        "\r\n", "?\r\n", "+OK\n", ":x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "$+1\r\na\r\n", "$3\r\nabcd\r\n", "*-2\r\n", "*9999999999\r\n", "$999999999999\r\n", "%-1\r\n", "#x\r\n", ",x\r\n", "(12a\r\n", "(\r\n",
        "=2\r\nab\r\n", ".\r\n", ";1\r\na\r\n", "$?\r\n+OK\r\n", "%?\r\n+a\r\n.\r\n", "_x\r\n", "*1\r\n.\r\n",
    }];

    [Theory]
    [MemberData(nameof(Values))]
    public void A_value_is_the_same_however_it_is_cut_into_pieces(string wire, string meaning)
    {
        var bytes = Encoding.UTF8.GetBytes(wire + "+next\r\n");

        for (var size = 1; size <= bytes.Length; size++)
            Assert.Equal([meaning, "Simple next"], Read(bytes, size, new RespLimits()).Select(Describe));
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void What_is_not_of_the_protocol_is_refused(string wire) =>
        Assert.Throws<RespException>(() => Read(Encoding.UTF8.GetBytes(wire), int.MaxValue, new RespLimits()));

    [Fact]
    public void Nothing_is_allocated_for_a_length_that_only_claims_to_be()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 1000; i++)
        {
            Assert.Empty(Read("$60000000\r\nabc"u8.ToArray(), int.MaxValue, new RespLimits()));
            Assert.Empty(Read("*900000\r\n"u8.ToArray(), int.MaxValue, new RespLimits()));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 5_000_000);
    }

    [Fact]
    public void Limits_of_depth_elements_lines_and_bytes_hold()
    {
        var deep = string.Concat(Enumerable.Repeat("*1\r\n", 40)) + ":1\r\n";
        var wide = "*3\r\n:1\r\n:2\r\n:3\r\n";

        Assert.Throws<RespException>(() => Read(Encoding.UTF8.GetBytes(deep), 7, new RespLimits()));
        Assert.Throws<RespException>(() => Read(Encoding.UTF8.GetBytes("*2\r\n" + wide + wide), 7, new RespLimits { Elements = 5 }));
        Assert.Throws<RespException>(() => Read(Encoding.UTF8.GetBytes("+" + new string('x', 200)), 7, new RespLimits { Line = 100 }));
        Assert.Throws<RespException>(() => Read("$?\r\n;3\r\nabc\r\n;3\r\nabc\r\n"u8.ToArray(), 7, new RespLimits { Bulk = 5 }));
        Assert.Throws<RespException>(() => Read(Encoding.UTF8.GetBytes("*2\r\n$90\r\n" + new string('x', 90) + "\r\n:1\r\n"), 7, new RespLimits { Reply = 50 }));
    }

    [Fact]
    public void A_large_reply_in_small_pieces_is_read_in_linear_time()
    {
        var bytes = Encoding.UTF8.GetBytes("*100000\r\n" + string.Concat(Enumerable.Repeat(":1\r\n", 100_000)));

        var value = Assert.Single(Read(bytes, 64, new RespLimits()));

        Assert.Equal(100_000, value.Elements.Length);
    }

    [Fact]
    public void Mutated_replies_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(7);
        var seeds = Values.Select(v => Encoding.UTF8.GetBytes((string)v.Data.Item1)).ToArray();
        var (read, refused) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = Mutate(random, seeds);
            try
            {
                read += Read(bytes, random.Next(1, 9), new RespLimits { Elements = 1000, Bulk = 10_000 }).Count > 0 ? 1 : 0;
            }
            catch (RespException)
            {
                refused++;
            }
        }

        Assert.True(read > 1000 && refused > 1000, $"{read} read, {refused} refused: the mutations do not reach both.");
    }

    private static byte[] Mutate(Random random, byte[][] seeds)
    {
        var bytes = new List<byte>();
        for (var parts = random.Next(1, 4); parts > 0; parts--)
            bytes.AddRange(seeds[random.Next(seeds.Length)]);
        for (var changes = random.Next(0, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveAt(at); break;
                case 2: bytes.Insert(at, (byte)"+-:$*_#,(!=%~>|?;.\r\n0919"[random.Next(24)]); break;
                case 3: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                default: bytes.RemoveRange(at, bytes.Count - at); break;
            }
            if (bytes.Count == 0)
                bytes.Add((byte)'+');
        }
        return [.. bytes];
    }

    private static List<RespValue> Read(byte[] bytes, int size, RespLimits limits)
    {
        var parser = new RespParser(limits);
        var values = new List<RespValue>();
        var rest = Array.Empty<byte>();
        for (var at = 0; at < bytes.Length; at += Math.Min(size, bytes.Length))
        {
            var buffer = new ReadOnlySequence<byte>([.. rest, .. bytes.AsSpan(at, Math.Min(size, bytes.Length - at))]);
            while (parser.TryRead(ref buffer, out var value))
                values.Add(value);
            rest = buffer.ToArray();
        }
        return values;
    }

    private static string Describe(RespValue value) => value.Kind switch
    {
        RespKind.Null => "Null",
        RespKind.Array or RespKind.Map or RespKind.Set or RespKind.Push => $"{value.Kind} [{string.Join(", ", value.Elements.Select(Describe))}]",
        _ => $"{value.Kind} {value.Text}",
    };
}
