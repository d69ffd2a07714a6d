using System.Globalization;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Reads a pattern in Oniguruma's syntax, which tokenizer.json is written in, and writes it in .NET's. Every set of characters is given to
/// <c>render</c>, so that both mean the same by it. What is not known is refused by name.
/// </summary>
/// <param name="pattern">In Oniguruma's syntax.</param>
/// <param name="render">.NET's text for one character of a set.</param>
/// <param name="wrong">Makes the error.</param>
internal sealed class PatternReader(string pattern, Func<CodePointSet, string> render, Func<string, UserError> wrong)
{
    /// <summary>Outside of brackets Oniguruma's \w has these digits and fractions of Latin-1, too.</summary>
    private static readonly CodePointSet WordAlone = CodePointSet.Word.With(CodePointSet.Between(0xB2, 0xB3))
        .With(CodePointSet.Single(0xB9)).With(CodePointSet.Between(0xBC, 0xBE));

    private static readonly CodePointSet NotNewline = CodePointSet.Single('\n').Inverse();

    /// <summary>Pairs that one character stands for where case does not count.</summary>
    private static readonly string[] Ligatures = ["ss", "ff", "fi", "fl", "st"];

    private int next;

    /// <summary>Options that hold in a group.</summary>
    private readonly record struct Options(bool AnyCase, bool DotAll);

    public string Read()
    {
        next = 0;
        var read = Alternatives(default);
        return next == pattern.Length ? read : throw Refuse(next, ")", "closes no group");
    }

    private string Alternatives(Options options)
    {
        var read = new StringBuilder();
        for (var start = next; next < pattern.Length && pattern[next] != ')';)
        {
            if (Take("|")) read.Append('|');
            else if (Ahead("(?") && Isolated(ref options, atStart: next == start)) start = next;
            else read.Append(Quantified(Atom(options)));
        }

        return read.ToString();
    }

    /// <summary>Options without a group of their own, (?i), hold to the end of the group that they open.</summary>
    private bool Isolated(ref Options options, bool atStart)
    {
        var (begin, changed) = (next, options);
        next += 2;
        if (ReadOptions(ref changed) && Take(")"))
        {
            if (!atStart) throw Refuse(begin, pattern[begin..next], "changes options in the middle of a group");
            options = changed;
            return true;
        }

        next = begin;
        return false;
    }

    private bool ReadOptions(ref Options options)
    {
        var begin = next;
        for (var on = true; next < pattern.Length; next++)
            switch (pattern[next])
            {
                case '-': on = false; break;
                case 'i': options = options with { AnyCase = on }; break;
                case 'm': options = options with { DotAll = on }; break;
                default: return next > begin;
            }

        return false;
    }

    private string Atom(Options options)
    {
        var begin = next;
        switch (pattern[next++])
        {
            case '(': return Group(begin, options);
            case '[': return render(Class(begin, options));
            case '.': return render(options.DotAll ? CodePointSet.All : NotNewline);
            case '^': return @"(?:\A|(?<=\n)(?!\z))";
            case '$': return @"(?=\n|\z)";
            case '*' or '+' or '?': throw Refuse(begin, pattern[begin..next], "repeats nothing");
            case '\\' when Anchor() is { } anchor: return anchor;
            case '\\' when SetEscape(begin, WordAlone) is { } set: return render(set);
        }

        next = begin;
        var literal = Literal();
        if (!options.AnyCase) return render(CodePointSet.Single(literal));
        if (next < pattern.Length && Ligatures.Contains(pattern[begin..(next + 1)].ToLowerInvariant()))
            throw Refuse(begin, $"(?i) with {pattern[begin..(next + 1)]}", "also matches a ligature");
        return render(AnyCase(begin, CodePointSet.Single(literal)));
    }

    private string Group(int begin, Options options)
    {
        string? kind = null;
        foreach (var known in (string[])["?:", "?=", "?!", "?<=", "?<!", "?>"])
            if (Take(known)) kind = known;
        if (kind is null && Ahead("?"))
        {
            next++;
            if (Take("#"))
            {
                next = pattern.IndexOf(')', next) is >= 0 and var end ? end + 1 : throw Refuse(begin, "(?#", "is not closed");
                return "";
            }

            if (Take("<") && pattern.IndexOf('>', next) is > 0 and var named
                && pattern[next..named].All(c => char.IsLetterOrDigit(c) || c == '_')) next = named + 1;
            else if (!(ReadOptions(ref options) && Take(":")))
                throw Refuse(begin, pattern[begin..Math.Min(begin + 3, pattern.Length)], "is a group of another kind");
        }

        // Captures are not asked for, and what would refer to them is refused.
        var inner = Alternatives(options);
        return Take(")") ? $"({kind ?? "?:"}{inner})" : throw Refuse(begin, "(", "is not closed");
    }

    private string Quantified(string atom)
    {
        while (next < pattern.Length)
        {
            var simple = pattern[next] is '*' or '+' or '?' ? pattern[next++].ToString() : null;
            if (simple is null)
            {
                if (Interval() is not var (low, high, exact)) break;
                // {n}? makes n optional, and {n,m}+ repeats: only * + ? have a possessive form.
                var many = $"(?:{atom}){{{low},{high}}}";
                atom = !Take("?") ? many : exact ? $"(?:{many})?" : many + "?";
            }
            else if (Take("+")) atom = $"(?>(?:{atom}){simple})";
            else atom = $"(?:{atom}){simple}{(Take("?") ? "?" : "")}";
            atom = $"(?:{atom})";
        }

        return atom;
    }

    /// <summary>{n}, {n,}, {n,m} or {,m}; any other brace is a character.</summary>
    private (int Low, string High, bool Exact)? Interval()
    {
        if (!Ahead("{") || pattern.IndexOf('}', next) is not (> 0 and var end)) return null;
        var parts = pattern[(next + 1)..end].Split(',');
        if (parts.Length > 2 || parts.All(p => p == "") || parts.Any(p => p.Length > 5 || !p.All(char.IsAsciiDigit))) return null;
        if (parts is [{ Length: > 0 } n, { Length: > 0 } m]
            && int.Parse(n, CultureInfo.InvariantCulture) > int.Parse(m, CultureInfo.InvariantCulture))
            throw Refuse(next, pattern[next..(end + 1)], "counts downwards");
        next = end + 1;
        return (parts[0] == "" ? 0 : int.Parse(parts[0], CultureInfo.InvariantCulture), parts[^1], parts.Length == 1);
    }

    /// <summary>After a backslash: what matches between characters, or more than one.</summary>
    private string? Anchor()
    {
        var word = new Lazy<string>(() => render(WordAlone));
        var found = next >= pattern.Length ? null : pattern[next] switch
        {
            'A' => @"\A",
            'z' => @"\z",
            'Z' => @"(?=\n?\z)",
            'b' => $"(?:(?<={word.Value})(?!{word.Value})|(?<!{word.Value})(?={word.Value}))",
            'B' => $"(?:(?<={word.Value})(?={word.Value})|(?<!{word.Value})(?!{word.Value}))",
            'R' => @"(?>\r\n|[\n-\r\u0085\u2028\u2029])",
            _ => null,
        };
        if (found is not null) next++;
        return found;
    }

    /// <summary>After a backslash: a set by name.</summary>
    private CodePointSet? SetEscape(int begin, CodePointSet word)
    {
        if (next >= pattern.Length) throw Refuse(begin, "\\", "escapes nothing");
        var letter = pattern[next];
        var set = char.ToLowerInvariant(letter) switch
        {
            'd' => CodePointSet.Digit,
            's' => CodePointSet.Space,
            'w' => word,
            'h' => Hexadecimal,
            'p' => null,
            _ when letter == 'N' => NotNewline.Inverse(),
            _ when letter == 'O' => CodePointSet.Empty,
            _ => CodePointSet.All,
        };
        if (set == CodePointSet.All) return null;
        next++;
        if (set is not null) return char.IsUpper(letter) ? set.Inverse() : set;
        if (!Take("{") || pattern.IndexOf('}', next) is not (> 0 and var end))
            throw Refuse(begin, pattern[begin..next], "names no property");
        var not = Take("^") != (letter == 'P');
        var name = pattern[next..end];
        next = end + 1;
        set = CodePointSet.Category(Short(name)) ?? CodePointSet.Script(name.ToLowerInvariant())
            ?? throw Refuse(begin, pattern[begin..next],
                $"is not known; known are categories such as \\p{{L}} and the scripts {string.Join(", ", CodePointSet.ScriptNames)}");
        return not ? set.Inverse() : set;

        static string Short(string name) => name.ToLowerInvariant() switch
        {
            "letter" => "L", "mark" => "M", "number" => "N", "punctuation" => "P", "symbol" => "S", "separator" => "Z", "other" =>
                "C", _ => name,
        };
    }

    private static CodePointSet Hexadecimal => CodePointSet.Digit.Common(CodePointSet.Between(0, 127)).With(CodePointSet.Between('a', 'f'))
        .With(CodePointSet.Between('A', 'F'));

    /// <summary>One character, written as it is or by an escape.</summary>
    private int Literal(bool inClass = false)
    {
        var begin = next;
        if (!Take("\\"))
        {
            if (!Rune.TryGetRuneAt(pattern, next, out var rune)) throw Refuse(begin, $"\\u{(int)pattern[next]:x4}", "is half a character");
            next += rune.Utf16SequenceLength;
            return rune.Value;
        }

        if (next == pattern.Length) throw Refuse(begin, "\\", "escapes nothing");
        var c = pattern[next++];
        return c switch
        {
            't' => '\t', 'n' => '\n', 'r' => '\r', 'f' => '\f', 'v' => '\v', 'a' => '\a', 'e' => 0x1B,
            'b' when inClass => '\b',
            'u' => Hex(begin, next, next + 4),
            'x' when Ahead("{") && pattern.IndexOf('}', next) is > 0 and var end => Hex(begin, next + 1, end, end + 1),
            'x' => Hex(begin, next, next + 2) is < 0x80 and var ascii
                ? ascii : throw Refuse(begin, pattern[begin..next], "is a byte and no character"),
            _ when !char.IsAsciiLetterOrDigit(c) && !char.IsSurrogate(c) => c,
            _ => throw Refuse(begin, pattern[begin..next], "is an escape of another kind"),
        };
    }

    private int Hex(int begin, int from, int to, int? after = null)
    {
        if (to > pattern.Length
            || !int.TryParse(pattern.AsSpan(from, to - from), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || !Rune.IsValid(value))
            throw Refuse(begin, pattern[begin..Math.Min(to, pattern.Length)], "names no character");
        next = after ?? to;
        return value;
    }

    /// <summary>[…], after its bracket.</summary>
    private CodePointSet Class(int begin, Options options)
    {
        var negated = Take("^");
        var (set, all) = (CodePointSet.Empty, CodePointSet.All);
        for (var first = next; ; )
        {
            if (next >= pattern.Length) throw Refuse(begin, "[", "is not closed");
            if (next > first && Take("]")) break;
            if (Take("&&")) (set, all) = (CodePointSet.Empty, all.Common(set));
            else set = set.With(ClassItem(options));
        }

        set = all.Common(set);
        return negated ? set.Inverse() : set;
    }

    private CodePointSet ClassItem(Options options)
    {
        var begin = next;
        if (Ahead("[:")) throw Refuse(begin, "[:", "is a POSIX class");
        if (Take("[")) return Class(begin, options);
        if (Take("\\"))
        {
            if (SetEscape(begin, CodePointSet.Word) is { } set) return set;
            next = begin;
        }

        var first = Literal(inClass: true);
        var last = first;
        if (Ahead("-") && next + 1 < pattern.Length && pattern[next + 1] != ']')
        {
            next++;
            last = Literal(inClass: true);
            if (last < first) throw Refuse(begin, pattern[begin..next], "is a range that runs backwards");
        }

        var range = CodePointSet.Between(first, last);
        return options.AnyCase ? AnyCase(begin, range) : range;
    }

    private CodePointSet AnyCase(int begin, CodePointSet set) =>
        set.Ranges[^1].To <= 128 ? set.AnyCase() : throw Refuse(begin, $"(?i) with {pattern[begin..next]}", "is not known beyond ASCII");

    private bool Ahead(string text) => string.CompareOrdinal(pattern, next, text, 0, text.Length) == 0;

    private bool Take(string text)
    {
        if (!Ahead(text)) return false;
        next += text.Length;
        return true;
    }

    private UserError Refuse(int begin, string construct, string why) =>
        wrong($"character {begin + 1} of the pattern: {construct} {why}; this program cannot run it");
}
