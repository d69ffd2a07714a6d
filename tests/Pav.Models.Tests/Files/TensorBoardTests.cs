using System.Buffers.Binary;
using System.Text;
using Pav.Models.Files.TensorBoard;

namespace Pav.Models.Tests.Files;

public class TensorBoardTests
{
    /// <summary>The check value of CRC-32C, and the vectors of RFC 3720 B.4.</summary>
    [Fact]
    public void Checksums_are_CRC_32C()
    {
        Assert.Equal(0xE3069283u, TfRecord.Crc32C("123456789"u8));
        Assert.Equal(0x8A9136AAu, TfRecord.Crc32C(new byte[32]));
        Assert.Equal(0x62A8AB43u, TfRecord.Crc32C([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, TfRecord.Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Fact]
    public void Events_are_these_bytes()
    {
        Assert.Equal("09 000000000000F83F 1003 2A0A 0A08 0A0161 150000003F".Replace(" ", ""),
            Convert.ToHexString(Event.Scalars(1.5, 3, [("a", 0.5)])));
        Assert.Equal("09 000000000000F83F 1A0D 627261696E2E4576656E743A32".Replace(" ", ""), Convert.ToHexString(Event.Version(1.5)));
        Assert.Equal("09 000000000000F83F 10AC02 3A02 0801".Replace(" ", ""), Convert.ToHexString(Event.Start(1.5, 300)));
    }

    [Fact]
    public void A_file_is_records_whose_checksums_hold()
    {
        using var temporary = new TempFolder();
        using (var file = EventFile.Create(temporary["events"], 7)) file.Write(7, [("train/reward", 0.25), ("valid/accuracy", 1.0 / 3)]);
        var path = Assert.Single(Directory.GetFiles(temporary["events"]));
        Assert.Matches(@"^events\.out\.tfevents\.\d+\.", Path.GetFileName(path));
        var records = Records(File.ReadAllBytes(path)).ToList();
        Assert.Equal(3, records.Count);
        Assert.Contains("brain.Event:2", Encoding.ASCII.GetString(records[0]));
        Assert.Equal("10073A020801", Convert.ToHexString(records[1].AsSpan(9)));
        Assert.Contains("train/reward", Encoding.ASCII.GetString(records[2]));
        var value = Encoding.ASCII.GetString(records[2]).IndexOf("valid/accuracy", StringComparison.Ordinal) + "valid/accuracy".Length;
        Assert.Equal(1f / 3, BinaryPrimitives.ReadSingleLittleEndian(records[2].AsSpan(value + 1)));
    }

    /// <summary>TensorBoard reads the files of a folder in the order of their names; a clock that ran back must not put a resumed run's
    /// file before those it goes on from.</summary>
    [Fact]
    public void A_new_file_comes_after_those_that_are_there()
    {
        using var temporary = new TempFolder();
        Directory.CreateDirectory(temporary["events"]);
        var future = $"events.out.tfevents.{DateTimeOffset.UtcNow.AddDays(3).ToUnixTimeSeconds()}.999.pav";
        File.WriteAllText(Path.Combine(temporary["events"], future), "");
        EventFile.Create(temporary["events"], 7).Dispose();
        EventFile.Create(temporary["events"], 9).Dispose();
        var names = Directory.GetFiles(temporary["events"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(3, names.Count);
        Assert.Equal(future, names[0]);
    }

    private static IEnumerable<byte[]> Records(byte[] bytes)
    {
        for (var position = 0; position < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(position));
            Assert.Equal(TfRecord.Crc32C(bytes.AsSpan(position, 8)), Unmasked(position + 8));
            Assert.Equal(TfRecord.Crc32C(bytes.AsSpan(position + 12, length)), Unmasked(position + 12 + length));
            yield return bytes[(position + 12)..(position + 12 + length)];
            position += 16 + length;
        }

        uint Unmasked(int position)
        {
            var rotated = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(position)) - 0xA282EAD8;
            return (rotated >> 17) | (rotated << 15);
        }
    }
}
