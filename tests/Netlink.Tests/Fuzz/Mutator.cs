using System.Buffers.Binary;

namespace EucaNet.Netlink.Tests.Fuzz;

/// <summary>Spoils messages as a hostile or mistaken kernel might: bits, lengths, types, order, ends.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, int seed)
{
    private const int HeaderSize = 16;

    private readonly Random _random = new(seed);
    private readonly byte[] _message = new byte[16 * 1024];
    private int _length;

    /// <summary>The next message; valid until the next call.</summary>
    public ReadOnlySpan<byte> Next()
    {
        byte[] origin = seeds[_random.Next(seeds.Count)];
        origin.CopyTo(_message, 0);
        _length = origin.Length;
        for (int change = _random.Next(1, 6); change > 0; change--)
        {
            Change();
        }

        if (_random.Next(8) == 0)
        {
            _message[4] = (byte)_random.Next(128);
        }

        // The message's own length fits mostly: what is beyond it is not read at all.
        BinaryPrimitives.WriteUInt32LittleEndian(_message, (uint)(_random.Next(64) == 0 ? _random.Next(_length + 32) : _length));
        return _message.AsSpan(0, _length);
    }

    private void Change()
    {
        int place = _random.Next(HeaderSize, Math.Max(_length, HeaderSize + 1));
        switch (_random.Next(7))
        {
            case 0:
                _message[place] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                _message[place] = (byte)_random.Next(256);
                break;
            case 2:
                SetLength(place & ~3);
                break;
            case 3:
                SetType(place & ~3);
                break;
            case 4:
                _length = Math.Max(HeaderSize, place);
                break;
            case 5:
                Copy(place & ~3);
                break;
            default:
                BinaryPrimitives.WriteUInt32LittleEndian(_message.AsSpan(place & ~3), (uint)(_random.Next(3) - 1));
                break;
        }
    }

    private void SetLength(int attribute) =>
        BinaryPrimitives.WriteUInt16LittleEndian(_message.AsSpan(attribute), (ushort)(_random.Next(4) == 0 ? _random.Next(65536) : _random.Next(64)));

    private void SetType(int attribute) =>
        BinaryPrimitives.WriteUInt16LittleEndian(_message.AsSpan(attribute + 2), (ushort)(_random.Next(130) | (_random.Next(3) == 0 ? 0x8000 : 0)));

    private void Copy(int from)
    {
        int count = Math.Min(_random.Next(4, 64) & ~3, _length - from);
        if (count > 0 && _length + count <= _message.Length)
        {
            int to = Math.Max(HeaderSize, _random.Next(from, _length) & ~3);
            _message.AsSpan(to, _length - to).CopyTo(_message.AsSpan(to + count));
            _message.AsSpan(from, count).CopyTo(_message.AsSpan(to));
            _length += count;
        }
    }
}
