using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Wire;

/// <summary>Hardware addresses of any length, and ethernet's as numbers.</summary>
public sealed class HardwareAddressTests
{
    [TestCase("d0:0d:3a:11:08:ff", "d0:0d:3a:11:08:ff")]
    [TestCase("D0-D-3A-11-8-FF", "d0:0d:3a:11:08:ff")]
    public void An_ethernet_address_is_read_with_colons_or_hyphens_and_printed_as_the_kernel_does(string text, string printed)
    {
        var address = MacAddress.Parse(text);
        Assert.That(address.ToString(), Is.EqualTo(printed));
        Assert.That(MacAddress.Read(address.ToBytes()), Is.EqualTo(address));
        Assert.That(((HardwareAddress)address).ToString(), Is.EqualTo(printed));
    }

    [TestCase("")]
    [TestCase("d0:0d:3a:11:08")]
    [TestCase("d0:0d:3a:11:08:ff:01")]
    [TestCase("d0:0d:3a:11:08-ff")]
    [TestCase("d0:0d:3a:11:08:fff")]
    [TestCase("d0:0d:3a:11::ff")]
    [TestCase("d0:0d:3a:11:08: f")]
    public void What_is_no_ethernet_address_is_refused_by_name(string text) =>
        Assert.That(() => MacAddress.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains($"'{text}' is not an ethernet address"));

    [Test]
    public void An_address_of_another_length_is_a_hardware_address_and_no_ethernet_one()
    {
        var tunnel = HardwareAddress.Parse("0a:00:00:01");
        Assert.That(tunnel.Length, Is.EqualTo(4));
        Assert.That(tunnel.TryGetEthernet(out _), Is.False);
        Assert.That(HardwareAddress.Parse("02:00:00:00:00:01").TryGetEthernet(out MacAddress ethernet), Is.True);
        Assert.That(ethernet.Value, Is.EqualTo(0x0200_0000_0001));
    }

    [Test]
    public void The_bits_of_the_first_octet_say_whose_address_it_is()
    {
        Assert.That(MacAddress.Parse("01:00:5e:00:00:01"), Has.Property(nameof(MacAddress.IsMulticast)).True.And.Property(nameof(MacAddress.IsUnicast)).False);
        Assert.That(MacAddress.Parse("02:00:00:00:00:01"), Has.Property(nameof(MacAddress.IsLocallyAdministered)).True.And.Property(nameof(MacAddress.IsUnicast)).True);
        Assert.That(MacAddress.Parse("01:80:c2:00:00:0e").IsLinkLocal, Is.True);
        Assert.That(MacAddress.Parse("01:80:c2:00:00:10").IsLinkLocal, Is.False);
        Assert.That(default(MacAddress).IsUnicast, Is.False);
        Assert.That(MacAddress.Broadcast.IsBroadcast, Is.True);
    }
}
