using System.Text.Json;

namespace Pav.Torch;

/// <summary>
/// The tensors of a model folder: model.safetensors, or the shards that model.safetensors.index.json names, each opened when one of
/// its tensors is asked for.
/// </summary>
internal sealed class SafetensorsFolder : IDisposable
{
    private const string SingleName = "model.safetensors", IndexName = "model.safetensors.index.json";

    private readonly Dictionary<string, string> fileOf;
    private readonly Dictionary<string, SafetensorsFile> open = [];

    public SafetensorsFolder(string folder)
    {
        var index = Path.Combine(folder, IndexName);
        var single = Path.Combine(folder, SingleName);
        if (File.Exists(index))
        {
            fileOf = ReadIndex(index, folder);
        }
        else if (File.Exists(single))
        {
            var file = open[single] = new SafetensorsFile(single);
            fileOf = file.Entries.Keys.ToDictionary(name => name, _ => single);
        }
        else
        {
            throw new SafetensorsException($"{folder}: holds neither {SingleName} nor {IndexName}");
        }
    }

    public IReadOnlyCollection<string> Names => fileOf.Keys;

    public bool Contains(string name) => fileOf.ContainsKey(name);

    public SafetensorsEntry Entry(string name)
    {
        var file = FileOf(name);
        return file.Entries.TryGetValue(name, out var entry)
            ? entry : throw new SafetensorsException($"{fileOf[name]}: no tensor is called '{name}', though the index says so");
    }

    /// <summary>A CPU tensor with a copy of the bytes.</summary>
    public Tensor Read(string name) => FileOf(Entry(name).Name).Read(name);

    /// <summary>The bytes where they are mapped.</summary>
    public MappedTensor Map(string name) => FileOf(Entry(name).Name).Map(name);

    public void Dispose()
    {
        foreach (var file in open.Values) file.Dispose();
    }

    private SafetensorsFile FileOf(string name)
    {
        var path = fileOf.TryGetValue(name, out var found) ? found : throw new SafetensorsException($"no tensor is called '{name}' in "
            + $"{Path.GetDirectoryName(fileOf.Values.FirstOrDefault()) ?? "an empty checkpoint"}");
        if (!open.TryGetValue(path, out var file))
            open[path] = file = File.Exists(path)
                ? new SafetensorsFile(path) : throw new SafetensorsException($"{path}: the shard that holds '{name}' is missing");
        return file;
    }

    private static Dictionary<string, string> ReadIndex(string index, string folder)
    {
        var files = new Dictionary<string, string>();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out var map)
                || map.ValueKind != JsonValueKind.Object)
                throw new SafetensorsException($"{index}: has no object weight_map");
            foreach (var (name, value) in map.EnumerateObject().Select(p => (p.Name, p.Value)))
            {
                if (value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: > 0 } file
                    || Path.GetFileName(file) != file)
                    throw new SafetensorsException($"{index}: '{name}' does not name a file of this folder");
                if (!files.TryAdd(name, Path.Combine(folder, file)))
                    throw new SafetensorsException($"{index}: the tensor '{name}' occurs twice");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException($"{index}: is not valid JSON ({e.Message.Split('\n')[0]})", e);
        }
        return files;
    }
}
