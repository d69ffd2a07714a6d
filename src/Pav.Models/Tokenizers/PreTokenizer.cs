namespace Pav.Models.Tokenizers;

/// <summary>A stretch of a text that the model turns into tokens by itself.</summary>
internal readonly record struct Piece(string Text, int Start, int Length)
{
    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);
}

/// <summary>Where a text that is cut stands.</summary>
/// <param name="First">The whole text begins with it.</param>
/// <param name="Opens">False for text that goes on after other text: nothing is put before it.</param>
internal readonly record struct Place(bool First, bool Opens);

/// <summary>Text → pieces that the model turns into tokens one by one. None is empty.</summary>
internal static class PreTokenizer
{
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private delegate void Cut(Piece piece, Place place, List<Piece> into);

    /// <returns>How a text is cut, and whether the model's symbols stand for bytes (GPT-2's alphabet).</returns>
    public static (Func<string, Place, List<Piece>> Pieces, bool Bytes) Parse(TokenizerJson? json)
    {
        var stages = new List<(Cut Cut, bool Bytes)>();
        if (json is { } it) Add(it, stages);
        var cuts = stages.Select(s => s.Cut).ToArray();
        return ((text, place) =>
        {
            List<Piece> pieces = [new(text, 0, text.Length)];
            foreach (var cut in cuts)
            {
                var next = new List<Piece>(pieces.Count == 1 ? text.Length / 4 + 4 : pieces.Count);
                for (var i = 0; i < pieces.Count; i++) cut(pieces[i], i == 0 ? place : new(First: false, Opens: true), next);
                pieces = next;
            }

            return pieces;
        }, stages.Any(s => s.Bytes));
    }

    private static void Add(TokenizerJson json, List<(Cut Cut, bool Bytes)> stages)
    {
        switch (json.Type)
        {
            case "Sequence":
                foreach (var child in json.Children("pretokenizers")) Add(child, stages);
                break;
            case "Split":
                stages.Add((Split(PiecePattern.Parse(json), json.Text("behavior")
                    ?? throw json.Wrong("has no \"behavior\""), json.Flag("invert"), json), false));
                break;
            case "Digits":
                stages.Add((Split(new(@"\p{N}"), json.Flag("individual_digits") ? "Isolated" : "Contiguous", false, json), false));
                break;
            case "WhitespaceSplit":
                stages.Add((Split(new(@"\s+"), "Removed", false, json), false));
                break;
            case "ByteLevel":
                if (json.Flag("add_prefix_space", true))
                    stages.Add(((piece, place, into) => into.Add(place.Opens && piece.Span[0] != ' ' ? Prefixed(" ", piece) : piece),
                        false));
                if (json.Flag("use_regex", true)) stages.Add((Split(new(Gpt2), "Isolated", false, json), true));
                else stages.Add(((piece, _, into) => into.Add(piece), true));
                break;
            case "Metaspace":
                Metaspace(json, stages);
                break;
            default:
                throw json.Unknown("ByteLevel", "Digits", "Metaspace", "Sequence", "Split", "WhitespaceSplit");
        }
    }

    /// <summary>Spaces become a visible character, one is put before the text, and words may be cut at it.</summary>
    private static void Metaspace(TokenizerJson json, List<(Cut Cut, bool Bytes)> stages)
    {
        var space = json.Text("replacement") ?? throw json.Wrong("has no \"replacement\"");
        var scheme = MetaspaceScheme(json);
        stages.Add(((piece, place, into) =>
        {
            var text = piece.Span.ToString().Replace(" ", space, StringComparison.Ordinal);
            if (place.Opens && !text.StartsWith(space, StringComparison.Ordinal)
                && (scheme == "always" || (scheme == "first" && place.First))) text = space + text;
            into.Add(new(text, 0, text.Length));
        }, false));
        if (json.Flag("split", true)) stages.Add((Split(PiecePattern.Literal(space), "MergedWithNext", false, json), false));
    }

    /// <summary>always, first or never; older files say it with a flag.</summary>
    internal static string MetaspaceScheme(TokenizerJson json) => json.Text("prepend_scheme")?.ToLowerInvariant() switch
    {
        null => json.Flag("add_prefix_space", true) ? "always" : "never",
        ("always" or "first" or "never") and var known => known,
        var other => throw json.Wrong($"the prepend_scheme \"{other}\" is not supported; supported are always, first, never"),
    };

    private static Piece Prefixed(string prefix, Piece piece) => new(prefix + piece.Span.ToString(), 0, prefix.Length + piece.Length);

    private static Cut Split(PiecePattern pattern, string behavior, bool invert, TokenizerJson json)
    {
        Action<List<Part>> shape = behavior switch
        {
            "Isolated" => _ => { },
            "Removed" => parts => parts.RemoveAll(p => p.Match != invert),
            "Contiguous" => parts => Merge(parts, (previous, part) => previous.Match == part.Match),
            "MergedWithPrevious" => parts => Merge(parts, (previous, part) => part.Match != invert && previous.Match == invert),
            "MergedWithNext" => parts => Merge(parts, (previous, part) => previous.Match != invert && part.Match == invert),
            _ => throw json.Wrong($"the behavior \"{behavior}\" is not supported; supported are Isolated, Removed, Contiguous, "
                + "MergedWithPrevious, MergedWithNext"),
        };
        return (piece, _, into) =>
        {
            var parts = new List<Part>(piece.Length / 4 + 4);
            pattern.Find(piece.Span, parts);
            shape(parts);
            foreach (var part in parts)
                if (part.Length > 0) into.Add(new(piece.Text, piece.Start + part.Start, part.Length));
        };
    }

    /// <summary>Joins neighbours; what the rule is asked of are the parts as they were found.</summary>
    private static void Merge(List<Part> parts, Func<Part, Part, bool> join)
    {
        List<Part> merged = [];
        for (var i = 0; i < parts.Count; i++)
            if (i > 0 && join(parts[i - 1], parts[i])) merged[^1] = merged[^1] with { Length = merged[^1].Length + parts[i].Length };
            else merged.Add(parts[i]);
        parts.Clear();
        parts.AddRange(merged);
    }
}
