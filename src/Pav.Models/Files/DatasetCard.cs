using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Pav.Models.Files;

/// <summary>A config of a data set: files by split, as patterns below <paramref name="Folder"/>; none: names tell the splits.</summary>
internal sealed record DatasetConfig(string Name, bool IsDefault, string Folder, IReadOnlyDictionary<string, IReadOnlyList<string>> Splits);

/// <summary>What the YAML at the head of a data set's README.md says of its files.</summary>
internal sealed record DatasetCard(IReadOnlyList<DatasetConfig> Configs)
{
    /// <summary>Null where there is no README.md, or none that names configs.</summary>
    public static DatasetCard? Read(string folder)
    {
        var file = Path.Combine(folder, "README.md");
        if (!File.Exists(file)) return null;
        var text = File.ReadAllText(file).ReplaceLineEndings("\n").TrimStart('\uFEFF');
        if (!text.StartsWith("---\n", StringComparison.Ordinal)
            || text.IndexOf("\n---", 3, StringComparison.Ordinal) is not (> 0 and var end))
            return null;
        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(text[4..(end + 1)]));
            var head = yaml.Documents is [{ RootNode: YamlMappingNode map }, ..] ? map : null;
            return Child(head, "configs") is YamlSequenceNode { Children.Count: > 0 } configs
                ? new([.. configs.Children.OfType<YamlMappingNode>().Select(Config)]) : null;
        }
        catch (YamlException e)
        {
            throw new UserError($"{file}:{e.Start.Line + 1}: the YAML at its head cannot be read ({e.Message.TrimEnd('.')})", e);
        }
    }

    public DatasetConfig? Find(string name) => Configs.FirstOrDefault(c => c.Name == name);

    /// <summary>The config that a folder stands for when none is named.</summary>
    public DatasetConfig Only(string folder) =>
        Configs.Count == 1 ? Configs[0] : Configs.FirstOrDefault(c => c.IsDefault) ?? Find("default") ?? throw new UserError(
            $"{folder}: holds the configs {string.Join(", ", Configs.Select(c => c.Name))}; say which: "
                + $"{Path.Combine(folder, Configs[0].Name)}");

    private static DatasetConfig Config(YamlMappingNode map)
    {
        var splits = new Dictionary<string, IReadOnlyList<string>>();
        switch (Child(map, "data_files"))
        {
            case YamlSequenceNode list when list.Children.All(c => c is YamlMappingNode):
                foreach (var part in list.Children.Cast<YamlMappingNode>())
                    splits[Text(part, "split") ?? "train"] = Texts(Child(part, "path"));
                break;
            case YamlMappingNode named:
                foreach (var (split, paths) in named.Children) splits[split.ToString()] = Texts(paths);
                break;
            case { } paths:
                splits["train"] = Texts(paths);
                break;
        }

        return new(Text(map, "config_name") ?? "default", Text(map, "default") == "true", Text(map, "data_dir") ?? "", splits);
    }

    private static IReadOnlyList<string> Texts(YamlNode? node) => node switch
    {
        YamlScalarNode { Value: { } one } => [one],
        YamlSequenceNode many => [.. many.Children.Select(c => c.ToString())],
        _ => [],
    };

    private static string? Text(YamlMappingNode map, string name) => (Child(map, name) as YamlScalarNode)?.Value;

    private static YamlNode? Child(YamlMappingNode? map, string name) =>
        map is not null && map.Children.TryGetValue(new YamlScalarNode(name), out var child) ? child : null;
}
