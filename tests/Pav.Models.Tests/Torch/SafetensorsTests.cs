using System.Buffers.Binary;
using System.Text;
using Pav.Torch;

namespace Pav.Models.Tests.Torch;

public sealed class SafetensorsTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();
    private readonly string folder = Directory.CreateTempSubdirectory("pav-safetensors").FullName;

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private string At(string name) => Path.Combine(folder, name);

    private void WriteSample(string path) => SafetensorsFile.Write(path,
    [
        ("flag", torch.tensor([true, false, true])),
        ("half", torch.arange(3).to(torch.bfloat16)),
        ("half16", torch.arange(3).to(torch.float16)),
        ("weights", torch.arange(6).to(torch.float32).view(2, 3).t()),
        ("wide", torch.tensor([1.5, -2.5])),
        ("index", torch.arange(5)),
        ("small", torch.arange(5).to(torch.int32)),
        ("bytes", torch.arange(5).to(torch.uint8)),
        ("scalar", torch.scalar(3)),
        ("empty", torch.zeros([0, 4])),
    ], new Dictionary<string, string> { ["made by"] = "a test" });

    [Fact]
    public void What_is_written_is_read()
    {
        WriteSample(At("a"));
        using var file = new SafetensorsFile(At("a"));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("a test", file.Metadata["made by"]);
        Assert.Equal([true, false, true], file.Read("flag").to_array<bool>());
        Assert.Equal(ScalarType.BFloat16, file.Read("half").dtype);
        Assert.Equal([0f, 1, 2], file.Read("half").to(torch.float32).to_array<float>());
        Assert.Equal([0f, 1, 2], file.Read("half16").to(torch.float32).to_array<float>());
        Assert.Equal([3L, 2], file.Read("weights").shape);
        Assert.Equal([0f, 3, 1, 4, 2, 5], file.Read("weights").to_array<float>());
        Assert.Equal([1.5, -2.5], file.Read("wide").to_array<double>());
        Assert.Equal([0L, 1, 2, 3, 4], file.Read("index").to_array<long>());
        Assert.Equal([0, 1, 2, 3, 4], file.Read("small").to_array<int>());
        Assert.Equal(3, file.Read("scalar").item<float>());
        Assert.Equal([0L, 4], file.Read("empty").shape);
        Assert.All(file.Entries.Values, e => Assert.Equal(0, e.Begin % e.Dtype.Size()));
    }

    [Fact]
    public void Equal_tensors_give_equal_bytes_and_no_temporary_file_stays()
    {
        WriteSample(At("a"));
        WriteSample(At("b"));
        Assert.Equal(File.ReadAllBytes(At("a")), File.ReadAllBytes(At("b")));
        Assert.Equal(2, Directory.GetFiles(folder).Length);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
    {
        WriteSample(At("a"));
        var before = File.ReadAllBytes(At("a"));
        var freed = torch.ones([1]);
        freed.Dispose();
        Assert.ThrowsAny<Exception>(() => SafetensorsFile.Write(At("a"), [("x", freed)]));
        Assert.Equal(before, File.ReadAllBytes(At("a")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "belong to none")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'b'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'a' occurs twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "'a'")]
    [InlineData("""{"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}}""", "F8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", "unknown key")]
    [InlineData("""{"a":[1]}""", "'a'")]
    [InlineData("""{"__metadata__":{"a":1}}""", "__metadata__")]
    [InlineData("""[]""", "JSON object")]
    [InlineData("""{"a":""", "not valid JSON")]
    public void A_bad_header_is_named(string header, string says)
    {
        WriteRaw(At("bad"), Encoding.UTF8.GetBytes(header), 8);
        var error = Assert.Throws<SafetensorsException>(() => new SafetensorsFile(At("bad")));
        Assert.Contains(says, error.Message);
        Assert.Contains(At("bad"), error.Message);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123, 125 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 125 })]
    public void A_bad_length_is_named(byte[] content)
    {
        File.WriteAllBytes(At("bad"), content);
        Assert.Contains(At("bad"), Assert.Throws<SafetensorsException>(() => new SafetensorsFile(At("bad"))).Message);
    }

    [Fact]
    public void Mutated_headers_never_crash()
    {
        WriteSample(At("good"));
        var good = File.ReadAllBytes(At("good"));
        var header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        var random = new Random(5);
        var refused = 0;
        for (var trial = 0; trial < 2000; trial++)
        {
            using var inner = torch.NewDisposeScope();
            var bytes = (byte[])good.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
                bytes[random.Next(header)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)"0123456789{}[],:\"-"[random.Next(18)];
            if (random.Next(10) == 0) bytes = bytes[..random.Next(bytes.Length)];
            File.WriteAllBytes(At("mutant"), bytes);
            try
            {
                using var file = new SafetensorsFile(At("mutant"));
                foreach (var entry in file.Entries.Values) Assert.Equal(entry.Shape, file.Read(entry.Name).shape);
            }
            catch (SafetensorsException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 2000);
    }

    [Fact]
    public void Shards_are_found_through_the_index()
    {
        SafetensorsFile.Write(At("model-00001.safetensors"), [("a", torch.ones([2]))]);
        SafetensorsFile.Write(At("model-00002.safetensors"), [("b", torch.zeros([3]))]);
        File.WriteAllText(At("model.safetensors.index.json"), """{"metadata":{},"weight_map":{"a":"model-00001.safetensors","b":"model-00002.safetensors","c":"model-00002.safetensors","d":"gone"}}""");
        using var model = new SafetensorsFolder(folder);
        Assert.Equal(["a", "b", "c", "d"], model.Names.Order());
        Assert.Equal([1f, 1f], model.Read("a").to_array<float>());
        Assert.Equal([3L], model.Entry("b").Shape);
        Assert.Contains("'c'", Assert.Throws<SafetensorsException>(() => model.Read("c")).Message);
        Assert.Contains("gone", Assert.Throws<SafetensorsException>(() => model.Read("d")).Message);
        Assert.Contains("'e'", Assert.Throws<SafetensorsException>(() => model.Read("e")).Message);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../secret"}}""")]
    [InlineData("""{"weight_map":{"a":7}}""")]
    [InlineData("""{"weight_map":[]}""")]
    [InlineData("""{"weight_map":""")]
    public void A_bad_index_is_refused(string index)
    {
        File.WriteAllText(At("model.safetensors.index.json"), index);
        Assert.Throws<SafetensorsException>(() => new SafetensorsFolder(folder));
    }

    [Fact]
    public void A_folder_without_a_model_is_named() =>
        Assert.Contains(folder, Assert.Throws<SafetensorsException>(() => new SafetensorsFolder(folder)).Message);

    private static void WriteRaw(string path, byte[] header, int dataBytes)
    {
        var content = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(content, header.Length);
        header.CopyTo(content, 8);
        File.WriteAllBytes(path, content);
    }
}
