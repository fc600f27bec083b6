using System.Text.Json.Serialization;

namespace EucaNet.Engine.State;

/// <summary>One fact of the state, as the journal keeps it. Later ones overrule earlier ones.</summary>
internal sealed record StateRecord
{
    /// <summary>An instance has a network.</summary>
    public const string Run = "run";

    /// <summary>An instance has ended.</summary>
    public const string End = "end";

    /// <summary>A group has a rule.</summary>
    public const string Authorize = "authorize";

    /// <summary>A group has a rule no more.</summary>
    public const string Revoke = "revoke";

    /// <summary>An instance has a public address.</summary>
    public const string Associate = "associate";

    /// <summary>A public address is free.</summary>
    public const string Disassociate = "disassociate";

    /// <summary>A node has attached an instance.</summary>
    public const string Attach = "attach";

    /// <summary>A node has detached an instance.</summary>
    public const string Detach = "detach";

    /// <summary>What happened.</summary>
    public required string What { get; init; }

    public string? Instance { get; init; }

    public string? User { get; init; }

    public string? Group { get; init; }

    public string? Mode { get; init; }

    public int? Vlan { get; init; }

    public string? Mac { get; init; }

    public string? Address { get; init; }

    public string? Network { get; init; }

    public string? Router { get; init; }

    public string? Interface { get; init; }

    public string? Bridge { get; init; }

    public DateTimeOffset? At { get; init; }

    public byte? Protocol { get; init; }

    public int? FirstPort { get; init; }

    public int? LastPort { get; init; }

    public int? IcmpType { get; init; }

    public int? IcmpCode { get; init; }

    public string? Source { get; init; }

    public string? SourceUser { get; init; }

    public string? SourceGroup { get; init; }

    /// <summary>The record of a rule.</summary>
    public static StateRecord OfRule(string what, GroupName group, IngressRule rule) => new()
    {
        What = what,
        User = group.User,
        Group = group.Group,
        Protocol = rule.Protocol,
        FirstPort = rule.FirstPort,
        LastPort = rule.LastPort,
        IcmpType = rule.IcmpType == -1 ? null : rule.IcmpType,
        IcmpCode = rule.IcmpCode == -1 ? null : rule.IcmpCode,
        Source = rule.Source?.ToString(),
        SourceUser = rule.SourceGroup?.User,
        SourceGroup = rule.SourceGroup?.Group,
    };

    /// <summary>The rule of a record.</summary>
    public IngressRule ToRule() => new()
    {
        Protocol = Protocol,
        FirstPort = FirstPort,
        LastPort = LastPort,
        IcmpType = IcmpType ?? -1,
        IcmpCode = IcmpCode ?? -1,
        Source = Source is null ? null : Ipv4Network.Parse(Source),
        SourceGroup = SourceUser is null || SourceGroup is null ? null : new GroupName(SourceUser, SourceGroup),
    };
}

/// <summary>The journal's JSON, made at build time so that nothing is looked up by reflection.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StateRecord))]
[JsonSerializable(typeof(StateRecord[]))]
internal sealed partial class StateJson : JsonSerializerContext;
