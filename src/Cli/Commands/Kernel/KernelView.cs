using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>What the windows on the kernel share: where they look, names for indexes, and iproute2's words.</summary>
internal sealed class KernelView : IDisposable
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly NumberNames Realms = NumberNames.OfNumbers("/etc/iproute2/rt_realms");
    private static readonly NumberNames Scopes = NumberNames.OfRouting("rt_scopes", false, (0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere"));
    private static readonly NumberNames Tables = NumberNames.OfRouting("rt_tables", true, (253, "default"), (254, "main"), (255, "local"));
    private static readonly NumberNames Protocols = NumberNames.OfRouting(
        "rt_protos", false,
        (1, "redirect"), (2, "kernel"), (3, "boot"), (4, "static"), (8, "gated"), (9, "ra"), (10, "mrt"), (11, "zebra"), (12, "bird"), (13, "dnrouted"), (14, "xorp"), (15, "ntk"), (16, "dhcp"),
        (18, "keepalived"), (42, "babel"), (99, "openr"), (186, "bgp"), (187, "isis"), (188, "ospf"), (189, "rip"), (192, "eigrp"));

    private readonly NetworkNamespace? _namespace;
    private readonly Dictionary<int, Link> _links = [];

    private KernelView(NetworkNamespace? networkNamespace)
    {
        _namespace = networkNamespace;
        Kernel = networkNamespace is null ? LinuxKernel.Current : LinuxKernel.Open(networkNamespace);
        Route = RouteConnection.Open(Kernel);
    }

    /// <summary>The namespace to look into.</summary>
    public static Option<string?> Namespace { get; } = new("--netns", "-n") { Description = "Look into this named network namespace.", HelpName = "NAME" };

    /// <summary>Show more.</summary>
    public static Option<bool> Details { get; } = new("--details", "-d") { Description = "Show all there is." };

    public IKernel Kernel { get; }

    public RouteConnection Route { get; }

    /// <summary>Opens the namespace the user asked for.</summary>
    public static KernelView Open(ParseResult arguments) =>
        new(arguments.GetValue(Namespace) is { Length: > 0 } name ? NetworkNamespace.Open(name) : null);

    /// <summary>Learns the names of all links.</summary>
    public async Task<List<Link>> LearnNamesAsync(CancellationToken cancellationToken)
    {
        List<Link> links = await Route.GetLinksAsync(cancellationToken: cancellationToken);
        foreach (Link link in links)
        {
            Learn(link);
        }

        return links;
    }

    /// <summary>Notes one link's name and state.</summary>
    public void Learn(Link link) => _links[link.Index] = link;

    /// <summary>A link's name, or "if" and its index where it is not known.</summary>
    public string NameOf(int index) => _links.TryGetValue(index, out Link? link) ? link.Name ?? "" : $"if{index}";

    /// <summary>The link is up, as far as it is known.</summary>
    public bool IsUp(int index) => _links.TryGetValue(index, out Link? link) && link.IsUp;

    /// <summary>The index of the link the user named, null where he named none.</summary>
    public int? IndexOf(string? device)
    {
        if (device is null)
        {
            return null;
        }

        foreach ((int index, Link link) in _links)
        {
            if (link.Name == device || link.AlternativeNames?.Names.Contains(device) == true)
            {
                return index;
            }
        }

        throw new KernelException($"look for link '{device}'", EucaNet.Netlink.Wire.LinuxError.ENODEV, "There is none of that name here.");
    }

    /// <summary>Prints a JSON array as iproute2 does, on one line.</summary>
    public static void Print(JsonArray array) => Console.WriteLine(array.ToJsonString(Plain));

    /// <summary>Prints one JSON object on a line.</summary>
    public static void Print(JsonObject value) => Console.WriteLine(value.ToJsonString(Plain));

    public static JsonNode? Value<T>(T? value)
        where T : struct => value switch
        {
            null => null,
            bool flag => JsonValue.Create(flag),
            byte number => JsonValue.Create((int)number),
            ushort number => JsonValue.Create((int)number),
            uint number => JsonValue.Create(number),
            int number => JsonValue.Create(number),
            ulong number => JsonValue.Create(number),
            _ => JsonValue.Create(value.ToString()),
        };

    /// <summary>Adds a field unless it has no value.</summary>
    public static void Add(JsonObject target, string name, JsonNode? value)
    {
        if (value is not null)
        {
            target[name] = value;
        }
    }

    public static string Scope(byte scope) => Scopes.Of(scope) ?? $"{scope}";

    public static string Table(uint table) => Tables.Of(table) ?? $"{table}";

    /// <summary>A table by its name or number; null where there is none of the name.</summary>
    public static uint? TableOf(string name) => Tables.NumberOf(name) ?? (uint.TryParse(name, out uint number) ? number : null);

    public static string Realm(uint realm) => Realms.Of(realm) ?? $"{realm}";

    public static string Protocol(byte protocol) => Protocols.Of(protocol) ?? $"{protocol}";

    public void Dispose()
    {
        Route.Dispose();
        _namespace?.Dispose();
    }
}
