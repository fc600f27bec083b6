using EucaNet.Engine.Firewall;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Firewall;

public class GroupChainNameTests
{
    [Test]
    public void A_plain_name_is_user_dash_group_and_odd_ones_never_collide()
    {
        Assert.That(GroupChainName.Of(new GroupName("alice", "my-web")), Is.EqualTo("alice-my-web"));
        GroupName[] odd =
        [
            new("a", "b-c"), new("a-b", "c"), new("alice", new string('x', 40)), new("alice", new string('x', 41)), new("al ice", "web"), new("al", "ice web"), new("ACC", "EPT"), new("euca", "forward"), new("!", "x"), new("ä", "ö"),
        ];
        string[] names = [.. odd.Select(GroupChainName.Of)];
        Assert.That(names, Is.Unique);
        Assert.That(names, Has.All.Matches<string>(n => n.Length is > 0 and <= 28 && !n.Contains(' ') && !n.StartsWith('-') && !n.StartsWith('!') && n != "euca-forward"));
    }
}
