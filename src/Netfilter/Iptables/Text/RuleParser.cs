using System.Net;
using System.Text;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>
/// Reads the options of one rule. Options belong to the rule itself first, then to the extension named last that knows them;
/// an option nobody knows brings in the match of the protocol asked for, as "-p tcp --dport 22" does.
/// </summary>
internal sealed class RuleParser
{
    private readonly List<Token> _words;
    private readonly List<Loaded> _matches = [];
    private Loaded? _target;
    private int _next;
    private bool _negated;

    private IptablesRule _rule = new();
    private Token? _source, _destination, _jump;
    private bool _sourceNegated, _destinationNegated, _isGoto, _protocolMatchLoaded;

    private RuleParser(RuleContext context, List<Token> words)
    {
        Context = context;
        _words = words;
    }

    public RuleContext Context { get; }

    /// <summary>The protocol asked for so far.</summary>
    public ProtocolMatch? Protocol => _rule.Protocol;

    /// <summary>The matches read, by kernel name, with their blocks.</summary>
    public IEnumerable<(string Name, byte[] Block)> MatchBlocks => _matches.Select(match => (match.Extension.KernelName, match.Block));

    /// <summary>The rules these words make: more than one where -s or -d list several addresses.</summary>
    /// <exception cref="IptablesParseException">A word is unknown or out of place.</exception>
    public static IReadOnlyList<IptablesRule> Parse(RuleContext context, List<Token> words)
    {
        var parser = new RuleParser(context, words);
        parser.ReadAll();
        return parser.Build();
    }

    /// <summary>The next word as an argument, or null where there is none or an option begins.</summary>
    public Token? TakeArgument() =>
        _next < _words.Count && !(_words[_next].Text is ['-', ..] or "!" && !_words[_next].Quoted) ? _words[_next++] : null;

    private void ReadAll()
    {
        while (_next < _words.Count)
        {
            Token word = _words[_next++];
            if (word is { Text: "!", Quoted: false })
            {
                if (_negated)
                {
                    throw Fail("'!' stands twice", word);
                }

                _negated = true;
                continue;
            }

            if (word.Text.StartsWith("--", StringComparison.Ordinal) && word.Text.Length > 2)
            {
                ReadLong(word);
            }
            else if (word.Text.Length > 1 && word.Text[0] == '-')
            {
                ReadShort(word);
            }
            else
            {
                throw Fail($"'{word.Text}' is no option and belongs to none", word);
            }

            _negated = false;
        }

        if (_negated)
        {
            throw Fail("'!' is followed by nothing", _words[^1]);
        }
    }

    private void ReadShort(Token word)
    {
        BaseOption option = BaseOption.Short(word.Text[1]) ?? throw Fail($"unknown option '{word.Text}'", word);
        Token? attached = word.Text.Length > 2 ? word with { Text = word.Text[2..], Column = word.Column + 2 } : null;
        if (attached is not null && (option.Letter == 'p' || !option.HasArgument))
        {
            throw Fail($"put a blank between -{option.Letter} and what follows it", word);
        }

        ReadBase(option, word, attached);
    }

    private void ReadLong(Token word)
    {
        int equals = word.Text.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? word.Text[2..] : word.Text[2..equals];
        Token? attached = equals < 0 ? null : new Token(word.Text[(equals + 1)..], word.Column + equals + 1, word.Quoted);
        if ((BaseOption.Long(name) ?? (FindExact(name) is null ? BaseOption.Begun(name) : null)) is { } option)
        {
            if (attached is not null && option.Letter == 'p')
            {
                throw Fail("put a blank in place of '=' behind --protocol", word);
            }

            ReadBase(option, word, attached);
            return;
        }

        if (Find(name) is not { } found)
        {
            LoadProtocolMatch();
            found = Find(name) ?? throw Fail($"unknown option '--{name}'{UnknownTarget()}", word, Nearest(name));
        }

        ReadExtension(found.Loaded, found.Option, word, attached);
    }

    private void ReadExtension(Loaded loaded, XtOption option, Token word, Token? attached)
    {
        if ((loaded.Given & option.Bit) != 0 && ((option.Use & XtOptionUse.Multiple) == 0 || (option.Excludes & option.Bit) != 0))
        {
            throw Fail($"{loaded.Extension.Name}: --{option.Name} can be given once only", word);
        }

        if (_negated && (option.Use & XtOptionUse.Invert) == 0)
        {
            throw Fail($"{loaded.Extension.Name}: --{option.Name} cannot be negated", word);
        }

        Token? argument = null;
        if (option.HasArgument)
        {
            argument = attached ?? (_next < _words.Count ? _words[_next++] : throw Fail($"--{option.Name} needs an argument", word));
        }
        else if (attached is not null)
        {
            throw Fail($"--{option.Name} takes no argument", word);
        }

        loaded.Extension.Parse(new OptionCall(loaded.Extension, option, _negated, word, argument, this) { Block = loaded.Block, Given = loaded.Given });
        loaded.Given |= option.Bit;
    }

    private void ReadBase(BaseOption option, Token word, Token? attached)
    {
        if (_negated && !option.CanNegate)
        {
            throw Fail($"'!' cannot stand before --{option.Name}", word);
        }

        Token argument = word;
        if (option.HasArgument)
        {
            argument = attached ?? (_next < _words.Count ? _words[_next++] : throw Fail($"--{option.Name} needs an argument", word));
        }

        switch (option.Letter)
        {
            case 's':
                Once(_source is not null, word);
                (_source, _sourceNegated) = (argument, _negated);
                break;
            case 'd':
                Once(_destination is not null, word);
                (_destination, _destinationNegated) = (argument, _negated);
                break;
            case 'p':
                Once(_rule.Protocol is not null, word);
                _rule = _rule with { Protocol = ReadProtocol(argument) };
                break;
            case 'i':
                Once(_rule.Input is not null, word);
                _rule = _rule with { Input = ReadInterface(argument, "POSTROUTING", "OUTPUT") };
                break;
            case 'o':
                Once(_rule.Output is not null, word);
                _rule = _rule with { Output = ReadInterface(argument, "PREROUTING", "INPUT") };
                break;
            case 'f':
                Once(_rule.Fragment is not null, word);
                _rule = _rule with
                {
                    Fragment = Context.Family == IptablesFamily.Ip ? !_negated : throw Fail("-f does not exist for IPv6; use -m frag", word),
                };
                break;
            case 'c':
                ReadCounters(argument, word);
                break;
            case '4' or '6' when option.Letter == '4' != (Context.Family == IptablesFamily.Ip):
                throw Fail($"a rule with {word.Text} is of the other family", word);
            case 'm':
                LoadMatch(argument);
                break;
            case 'j' or 'g':
                Once(_jump is not null, word);
                ReadJump(argument, option.Letter == 'g');
                break;
            default:
                break;
        }
    }

    private static void Once(bool given, Token word)
    {
        if (given)
        {
            throw Fail($"'{word.Text}' can be given once only", word);
        }
    }

    private ProtocolMatch ReadProtocol(Token word)
    {
        if (!ProtocolNames.TryNumber(word.Text, out byte number))
        {
            throw Fail($"unknown protocol '{word.Text}'", word, NearestWord.Find(word.Text, ProtocolNames.All));
        }

        return number == 0 && _negated
            ? throw Fail("a rule for no protocol at all would never match", word)
            : new ProtocolMatch(number, _negated);
    }

    private InterfaceMatch ReadInterface(Token word, string notIn, string norIn)
    {
        if (word.Text.Length == 0)
        {
            throw Fail("an interface's name is not empty", word);
        }

        if (Encoding.UTF8.GetByteCount(word.Text) > 15)
        {
            throw Fail($"the interface name '{word.Text}' has more than 15 characters", word);
        }

        return Context.Chain == notIn || Context.Chain == norIn
            ? throw Fail($"{Context.Chain} has no such interface to look at", word)
            : new InterfaceMatch(word.Text, _negated);
    }

    private void ReadCounters(Token packets, Token word)
    {
        int comma = packets.Text.IndexOf(',', Math.Min(1, packets.Text.Length));
        string first = comma < 0 ? packets.Text : packets.Text[..comma];
        string? second = comma >= 0 ? packets.Text[(comma + 1)..] : TakeArgument()?.Text;
        if (second is null)
        {
            throw Fail("-c needs packets and bytes", word);
        }

        _rule = ulong.TryParse(first, out ulong packetCount) && ulong.TryParse(second, out ulong byteCount)
            ? _rule with { Counters = new IptablesCounters(packetCount, byteCount) }
            : throw Fail($"the counters '{packets.Text}' are not two numbers", word);
    }

    private void LoadMatch(Token word)
    {
        XtExtension extension = XtRegistry.FindByWord(false, word.Text, Context.Family)
            ?? throw Fail($"unknown match '{word.Text}'", word, NearestWord.Find(word.Text, XtRegistry.Words(false, Context.Family)));
        _matches.Add(new Loaded(extension, word));
    }

    private void LoadProtocolMatch()
    {
        if (_rule.Protocol is not { } protocol || _protocolMatchLoaded
            || XtRegistry.FindByWord(false, ProtocolNames.Name(protocol.Number), Context.Family) is not { } extension
            || _matches.Any(match => match.Extension == extension))
        {
            return;
        }

        _protocolMatchLoaded = true;
        _matches.Add(new Loaded(extension, _words[Math.Min(_next, _words.Count) - 1]));
    }

    private void ReadJump(Token word, bool isGoto)
    {
        string name = word.Text;
        if (name.Length is 0 or > 28 || name.Any(char.IsWhiteSpace))
        {
            throw Fail($"'{name}' cannot be a target: 1 to 28 characters, no blanks", word);
        }

        (_jump, _isGoto) = (word, isGoto);
        if (isGoto)
        {
            return;
        }

        if (name == "DROP" && Context.Table == "nat")
        {
            throw Fail("the nat table is not for filtering; DROP does not go there", word);
        }

        if (XtRegistry.FindByWord(true, name, Context.Family) is { } extension)
        {
            _target = new Loaded(extension, word);
        }
    }

    private IReadOnlyList<IptablesRule> Build()
    {
        foreach (Loaded match in _matches)
        {
            Finish(match);
        }

        if (_target is not null)
        {
            Finish(_target);
        }

        IptablesRule rule = _rule with
        {
            Matches = [.. _matches.Select(match => new IptablesMatch(match.Extension.KernelName, match.Extension.Revision, match.Block))],
            Target = BuildTarget(),
        };
        NetworkMatch?[] sources = ReadNetworks(_source, _sourceNegated);
        NetworkMatch?[] destinations = ReadNetworks(_destination, _destinationNegated);
        return sources.Length == 1 && destinations.Length == 1
            ? [rule with { Source = sources[0], Destination = destinations[0] }]
            : [.. sources.SelectMany(source => destinations.Select(destination => rule with { Source = source, Destination = destination }))];
    }

    private IptablesTarget? BuildTarget() => _jump switch
    {
        null => null,
        _ when _isGoto => new ChainTarget(_jump.Text, true),
        _ when _target is not null => new ExtensionTarget(_target.Extension.KernelName, _target.Extension.Revision, _target.Block),
        { Text: "ACCEPT" } => IptablesTarget.Accept,
        { Text: "DROP" } => IptablesTarget.Drop,
        { Text: "RETURN" } => IptablesTarget.Return,
        { Text: "QUEUE" } when Context.Interface == IptablesInterface.Legacy => new VerdictTarget(IptablesVerdict.Queue),
        _ => new ChainTarget(_jump.Text),
    };

    private void Finish(Loaded loaded)
    {
        var call = new FinishCall(loaded.Extension, loaded.Word, this) { Block = loaded.Block, Given = loaded.Given };
        loaded.Extension.Finish(call);
        foreach (XtOption option in loaded.Extension.Options)
        {
            bool given = (loaded.Given & option.Bit) != 0;
            if (!given)
            {
                if ((option.Use & XtOptionUse.Mandatory) != 0)
                {
                    throw call.Fail($"--{option.Name} must be given");
                }

                continue;
            }

            if (option.Excludes != 0 && (loaded.Given & option.Excludes & ~option.Bit) != 0)
            {
                throw call.Fail($"--{option.Name} cannot stand beside --{NameOf(loaded, loaded.Given & option.Excludes & ~option.Bit)}");
            }

            if ((loaded.Given & option.Needs) != option.Needs)
            {
                throw call.Fail($"--{option.Name} needs --{NameOf(loaded, option.Needs & ~loaded.Given)} beside it");
            }
        }
    }

    private static string NameOf(Loaded loaded, uint bits) => loaded.Extension.Options.First(option => (option.Bit & bits) != 0).Name;

    private NetworkMatch?[] ReadNetworks(Token? word, bool negated)
    {
        if (word is null)
        {
            return [null];
        }

        if (!word.Text.Contains(',', StringComparison.Ordinal))
        {
            return [ReadNetwork(word.Text.Trim(), word, negated)];
        }

        string[] parts = word.Text.Split(',');
        if ( (_sourceNegated || _destinationNegated))
        {
            throw Fail("'!' cannot stand before several addresses", word);
        }

        return [.. parts.Select(part => ReadNetwork(part.Trim(), word, negated))];
    }

    private NetworkMatch? ReadNetwork(string text, Token word, bool negated)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string addressText = slash < 0 ? text : text[..slash];
        int longest = Context.Family == IptablesFamily.Ip ? 32 : 128;
        IPAddress? mask = Addresses.Prefix(Context.Family, longest);
        if (slash >= 0)
        {
            string maskText = text[(slash + 1)..];
            if (Numbers.TryWhole(maskText, (ulong)longest, out ulong length))
            {
                mask = Addresses.Prefix(Context.Family, (int)length);
            }
            else if (!Addresses.TryParse(maskText, Context.Family, out mask))
            {
                throw Fail($"'{maskText}' is neither a mask nor a prefix length (0-{longest})", word);
            }
        }

        // What stands before "/0" is not looked at, as in "any/0".
        IPAddress? address = mask;
        if (!Addresses.IsZero(mask) && !Addresses.TryParse(addressText, Context.Family, out address))
        {
            throw Fail($"'{addressText}' is no {(Context.Family == IptablesFamily.Ip ? "IPv4" : "IPv6")} address (names are not resolved)", word);
        }

        return !negated && Addresses.IsZero(mask) ? null : new NetworkMatch(Addresses.And(address, mask), mask, negated);
    }

    /// <summary>The option of this name, or the only one that begins so.</summary>
    private (Loaded Loaded, XtOption Option)? Find(string name)
    {
        if (FindExact(name) is { } exact)
        {
            return exact;
        }

        IEnumerable<Loaded> loaded = _target is null ? _matches : [.. _matches, _target];
        (Loaded One, XtOption Option)[] begun =
            [.. loaded.SelectMany(one => one.Extension.Options.Where(option => option.Name.StartsWith(name, StringComparison.Ordinal)).Select(option => (one, option)))];
        return begun.Length > 0 && begun.All(found => found.One == begun[0].One && found.Option.Id == begun[0].Option.Id) ? begun[0] : null;
    }

    private (Loaded Loaded, XtOption Option)? FindExact(string name)
    {
        if (_target is not null && _target.Extension.Option(name) is { } own
            && !_matches.Any(match => match.Order > _target.Order && match.Extension.Options.Any(option => option.Name == name)))
        {
            return (_target, own);
        }

        for (int index = _matches.Count - 1; index >= 0; index--)
        {
            if (_matches[index].Extension.Option(name) is { } option)
            {
                return (_matches[index], option);
            }
        }

        return null;
    }

    /// <summary>A target nobody knows is taken for a chain's name; its options then belong to nobody.</summary>
    private string UnknownTarget() =>
        _jump is { } jump && _target is null && !_isGoto && jump.Text is not ("ACCEPT" or "DROP" or "RETURN")
            ? $" ('{jump.Text}' is no target known here, so it was taken for a chain's name)"
            : "";

    private string? Nearest(string name)
    {
        IEnumerable<Loaded> loaded = _target is null ? _matches : [.. _matches, _target];
        string? nearest = NearestWord.Find(name, loaded.SelectMany(one => one.Extension.Options).Select(option => option.Name).Concat(BaseOption.LongNames));
        return nearest is null ? null : "--" + nearest;
    }

    private static IptablesParseException Fail(string reason, Token word, string? suggestion = null) =>
        new(reason, 0, word.Column, word.Text, suggestion);

    private sealed class Loaded
    {
        public Loaded(XtExtension extension, Token word)
        {
            Extension = extension;
            Word = word;
            Block = new byte[XtInfo.Align(extension.Size)];
            extension.Initialize(Block);
        }

        public XtExtension Extension { get; }

        public Token Word { get; }

        public int Order => Word.Column;

        public byte[] Block { get; }

        public uint Given { get; set; }
    }
}
