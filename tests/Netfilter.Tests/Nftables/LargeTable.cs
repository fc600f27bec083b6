using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>A table whose chain and set come in many parts when they are listed.</summary>
public abstract class LargeTable(KernelKind kind)
{
    protected const NftablesFamily Family = NftablesFamily.Inet;
    protected const int Rules = 2000;
    protected const int Elements = 5000;
    private KernelUnderTest _kernel = null!;

    protected IKernel Kernel => _kernel.Kernel;

    protected NftablesConnection Connection { get; private set; } = null!;

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        Connection = NftablesConnection.Open(_kernel.Kernel);
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Family, Name = "t" });
        batch.Add(Chain.Regular(Family, "t", "c"));
        batch.Add(new NftablesSet { Family = Family, Table = "t", Name = "s", KeyType = 7, KeyLength = 4, Id = 1 });
        for (int number = 0; number < Rules; number++)
        {
            batch.Add(RuleNumber(number));
        }

        using (NftablesBatch.ElementWriter elements = batch.AddElements(Family, "t", "s"))
        {
            Span<byte> key = stackalloc byte[4];
            for (int number = 0; number < Elements; number++)
            {
                BinaryPrimitives.WriteInt32BigEndian(key, number);
                elements.Add(key);
            }
        }

        Connection.Send(batch);
    }

    [TearDown]
    public void Close()
    {
        Connection.Dispose();
        _kernel.Dispose();
    }

    protected static Rule RuleNumber(int number) => Rule.Of(
        Family,
        "t",
        "c",
        [
            new MetaExpression { Key = MetaKey.Mark, DestinationRegister = NfTables.NFT_REG_1 },
            new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = BitConverter.GetBytes(number) },
            new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Accept },
        ],
        $"{number}");
}
