using System.Reflection.Emit;
using System.Reflection.Metadata;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Reads the instructions of one method from its first byte to its last.</summary>
internal static class MethodCode
{
    private static readonly OperandType?[] OneByte = Operands(code => code.Size == 1);
    private static readonly OperandType?[] TwoBytes = Operands(code => code.Size == 2);

    /// <summary>Tokens of the members and types that the instructions name, in their order.</summary>
    /// <exception cref="BadImageFormatException">An instruction is unknown or cut off, or a jump leads between two instructions: behind such a jump the same bytes are other instructions than those that were read.</exception>
    public static List<int> Tokens(MethodBodyBlock body)
    {
        var code = body.GetILReader();
        var (tokens, starts, targets) = (new List<int>(), new HashSet<long>(), new List<long>());
        while (code.RemainingBytes > 0)
        {
            starts.Add(code.Offset);
            var first = code.ReadByte();
            switch (first == 0xFE ? TwoBytes[code.ReadByte()] : OneByte[first])
            {
                case null:
                    throw new BadImageFormatException($"Unknown instruction at {code.Offset}.");
                case OperandType.InlineMethod or OperandType.InlineTok:
                    tokens.Add(code.ReadInt32());
                    break;
                case OperandType.ShortInlineBrTarget:
                    targets.Add(code.ReadSByte() + (long)code.Offset);
                    break;
                case OperandType.InlineBrTarget:
                    targets.Add(code.ReadInt32() + (long)code.Offset);
                    break;
                case OperandType.InlineSwitch:
                    ReadTargets(ref code, targets);
                    break;
                case { } operand when SizeOf(operand) is var size && size <= code.RemainingBytes:
                    code.Offset += size;
                    break;
                default:
                    throw new BadImageFormatException("The last instruction is cut off.");
            }
        }

        targets.AddRange(body.ExceptionRegions.SelectMany(r => new long[] { r.TryOffset, r.HandlerOffset }));
        return targets.TrueForAll(starts.Contains) ? tokens : throw new BadImageFormatException("A jump leads between two instructions.");
    }

    private static void ReadTargets(ref BlobReader code, List<long> targets)
    {
        // The count first: reading it moves the place that the targets are counted from.
        var count = code.ReadUInt32();
        if (count * 4L > code.RemainingBytes)
            throw new BadImageFormatException("A jump table is cut off.");
        var next = code.Offset + (count * 4L);
        for (var n = 0; n < count; n++)
            targets.Add(code.ReadInt32() + next);
    }

    private static int SizeOf(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    private static OperandType?[] Operands(Func<OpCode, bool> wanted)
    {
        var operands = new OperandType?[256];
        foreach (var code in typeof(OpCodes).GetFields().Where(f => f.FieldType == typeof(OpCode)).Select(f => (OpCode)f.GetValue(null)!).Where(wanted))
            operands[code.Value & 0xFF] = code.OperandType;
        return operands;
    }
}
