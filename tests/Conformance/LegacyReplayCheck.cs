using System.Net.Sockets;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Conformance;

/// <summary>
/// The simulated kernel's ip_tables and ip6_tables: the recorded socket options are put to a fresh kernel, and each answer, byte for byte,
/// and each refusal must be what the real kernel gave. The pointer to the counters is the program's own and means nothing here.
/// </summary>
public sealed class LegacyReplayCheck : IConformanceCheck
{
    private const int NameSize = 32, EntriesHeader = 40, PointerAt = 88;

    /// <inheritdoc />
    public string Name => "replay";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.IptablesLegacy;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Replay;

    private static CheckResult? Replay(JsonElement row)
    {
        JsonElement calls = row.GetProperty("calls");
        if (calls.GetArrayLength() == 0)
        {
            return null;
        }

        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = KernelProfile.Linux618Minimal });
        using IXtablesSocket four = kernel.OpenXtables(AddressFamily.InterNetwork);
        using IXtablesSocket six = kernel.OpenXtables(AddressFamily.InterNetworkV6);
        for (int index = 0; index < calls.GetArrayLength(); index++)
        {
            JsonElement call = calls[index];
            string option = call[2].GetString()!;
            bool isSix = call[1].GetString() == "SOL_IPV6";
            byte[] recorded = Convert.FromHexString(call[3].GetString()!);
            string result = call[4].GetString()!;
            if (option.EndsWith("GET_ENTRIES", StringComparison.Ordinal))
            {
                ClearUnwritten(isSix ? six : four, recorded);
            }

            string expected = result.StartsWith("-1 ", StringComparison.Ordinal) ? result.Split(' ')[1] : Convert.ToHexString(recorded);
            bool asksSets = option is "83" or "SO_IP_SET";
            string actual = asksSets ? AskSets(four, recorded) : Put(isSix ? six : four, isSix, option[(option.IndexOf("SO_", StringComparison.Ordinal) + 3)..], recorded);
            if (expected != actual)
            {
                return CheckResult.Compare($"call {index} {option} {expected}", $"call {index} {option} {actual}");
            }
        }

        return CheckResult.Same;
    }

    /// <summary>
    /// The kernel does not write behind the end of an extension's name, where the program's memory shows: those bytes, which are told by
    /// asking twice with different memory, are cleared. Written bytes are compared.
    /// </summary>
    private static void ClearUnwritten(IXtablesSocket socket, byte[] recorded)
    {
        byte[] zeros = new byte[recorded.Length], ones = new byte[recorded.Length];
        ones.AsSpan().Fill(0xff);
        try
        {
            foreach (byte[] value in (byte[][])[zeros, ones])
            {
                recorded.AsSpan(0, EntriesHeader).CopyTo(value);
                socket.GetOption(65, value);
            }
        }
        catch (KernelException)
        {
            return;
        }

        for (int index = EntriesHeader; index < recorded.Length; index++)
        {
            if (zeros[index] != ones[index])
            {
                recorded[index] = 0;
            }
        }
    }

    /// <summary>
    /// Asks for a set (SO_IP_SET). The recording shows the value after the call: behind an index the name that was asked for still stands, without its
    /// first letters. No recorded kernel had sets, so those letters do not matter.
    /// </summary>
    private static string AskSets(IXtablesSocket socket, byte[] recorded)
    {
        byte[] value = (byte[])recorded.Clone();
        try
        {
            socket.GetOption(83, value);
        }
        catch (KernelException exception)
        {
            return exception.Error.ToString();
        }

        return Convert.ToHexString(value);
    }

    /// <summary>Asks as the program did and gives the value after the call, or the error's name.</summary>
    private static string Put(IXtablesSocket socket, bool isSix, string option, byte[] recorded)
    {
        byte[] value = (byte[])recorded.Clone();
        try
        {
            switch (option)
            {
                case "GET_INFO":
                    value.AsSpan(NameSize).Clear();
                    socket.GetOption(64, value);
                    break;
                case "GET_ENTRIES":
                    value.AsSpan(EntriesHeader).Clear();
                    socket.GetOption(65, value);
                    break;
                case "GET_REVISION_MATCH":
                    socket.GetOption(isSix ? 68 : 66, value);
                    break;
                case "GET_REVISION_TARGET":
                    socket.GetOption(isSix ? 69 : 67, value);
                    break;
                case "SET_REPLACE":
                    socket.SetOption(64, value, PointerAt, new byte[16 * BitConverter.ToUInt32(value, PointerAt - 4)]);
                    break;
                case "SET_ADD_COUNTERS":
                    socket.SetOption(65, value);
                    break;
                default:
                    return $"the check does not know option {option}";
            }
        }
        catch (KernelException exception)
        {
            return exception.Error.ToString();
        }

        return Convert.ToHexString(value);
    }
}
