using System.Text;

namespace Pav.Grading;

/// <summary>
/// LaTeX as plain text, as pylatexenc's latex2text writes it: a/b for a fraction, √(x) for a root, a character for a symbol, nothing
/// for a command that it does not know.
/// </summary>
internal sealed class LatexText
{
    private const int Deepest = 50;

    private static readonly Dictionary<string, string> Symbols = new()
    {
        ["pi"] = "π", ["infty"] = "∞", ["cup"] = "∪", ["cap"] = "∩", ["cdot"] = "·", ["times"] = "×", ["div"] = "÷", ["pm"] = "±",
        ["mp"] = "∓", ["le"] = "≤", ["leq"] = "≤",
        ["ge"] = "≥", ["geq"] = "≥", ["ne"] = "≠", ["neq"] = "≠", ["approx"] = "≈", ["in"] = "∈", ["notin"] = "∉", ["setminus"] = "∖",
        ["mid"] = "|", ["to"] = "→", ["rightarrow"] = "→",
        ["Rightarrow"] = "⇒", ["dots"] = "…", ["ldots"] = "…", ["cdots"] = "⋯", ["angle"] = "∠", ["circ"] = "∘", ["emptyset"] = "∅",
        ["varnothing"] = "∅", ["lfloor"] = "⌊", ["rfloor"] = "⌋",
        ["lceil"] = "⌈", ["rceil"] = "⌉", ["langle"] = "⟨", ["rangle"] = "⟩", ["alpha"] = "α", ["beta"] = "β", ["gamma"] = "γ",
        ["delta"] = "δ", ["epsilon"] = "ϵ", ["varepsilon"] = "ε",
        ["zeta"] = "ζ", ["eta"] = "η", ["theta"] = "θ", ["lambda"] = "λ", ["mu"] = "μ", ["nu"] = "ν", ["xi"] = "ξ", ["rho"] = "ρ",
        ["sigma"] = "σ", ["tau"] = "τ", ["phi"] = "ϕ",
        ["varphi"] = "φ", ["chi"] = "χ", ["psi"] = "ψ", ["omega"] = "ω", ["Gamma"] = "Γ", ["Delta"] = "Δ", ["Theta"] = "Θ",
        ["Sigma"] = "Σ", ["Omega"] = "Ω", ["textdegree"] = "°",
        ["quad"] = "  ", ["qquad"] = "    ", ["sin"] = "sin", ["cos"] = "cos", ["tan"] = "tan", ["cot"] = "cot", ["sec"] = "sec",
        ["csc"] = "csc", ["log"] = "log", ["ln"] = "ln", ["exp"] = "exp",
        ["arcsin"] = "arcsin", ["arccos"] = "arccos", ["arctan"] = "arctan", ["max"] = "max", ["min"] = "min", ["gcd"] = "gcd",
        ["det"] = "det", ["sum"] = "∑", ["int"] = "∫", ["prod"] = "∏",
        ["equiv"] = "≡", ["perp"] = "⟂", ["parallel"] = "∥", ["cong"] = "≅", ["sim"] = "∼", ["ast"] = "∗", ["star"] = "⋆",
        ["subset"] = "⊂", ["ell"] = "ℓ", ["prime"] = "′", ["lbrace"] = "{", ["rbrace"] = "}",
        ["backslash"] = "\\", ["vert"] = "|", ["Vert"] = "‖",
    };

    private readonly string text;
    private int position, depth;

    private LatexText(string text) => this.text = text;

    public static string Convert(string latex)
    {
        var reader = new LatexText(latex);
        var plain = new StringBuilder();
        while (reader.position < latex.Length)
        {
            plain.Append(reader.Until());
            reader.position++;
        }

        return plain.ToString();
    }

    /// <summary>What stands up to the brace that closes here, or to the end.</summary>
    private string Until()
    {
        var plain = new StringBuilder();
        while (position < text.Length && text[position] != '}') plain.Append(Piece());
        return plain.ToString();
    }

    private string Piece()
    {
        var c = text[position++];
        switch (c)
        {
            case '{':
                if (++depth > Deepest) throw new UnreadableAnswer();
                var inside = Until();
                depth--;
                position = Math.Min(position + 1, text.Length);
                return inside;
            case '\\': return position < text.Length ? Command() : "";
            case '~': return "\u00a0";
            case '&': return "   ";
            default: return $"{c}";
        }
    }

    private string Command()
    {
        if (!char.IsAsciiLetter(text[position])) return Escaped(text[position++]);
        var start = position;
        while (position < text.Length && char.IsAsciiLetter(text[position])) position++;
        var name = text[start..position];
        while (position < text.Length && text[position] == ' ') position++;
        switch (name)
        {
            case "frac" or "nicefrac": return $"{Argument()}/{Argument()}";
            case "sqrt":
                if (position < text.Length && text[position] == '[' && text.IndexOf(']', position) is var close and >= 0)
                    position = close + 1;
                return $"√({Argument()})";
            case "mathbb": return Argument() is var set && set == "R" ? "ℝ" : $"\ue000{set}";
            case "mathbf" or "mathcal" or "mathit": return $"\ue001{Argument()}";
            case "bar" or "hat" or "vec" or "tilde" or "dot": return $"{Argument()}\u0305";
            case "begin": return Environment();
            case "end": Argument(); return "";
            default: return Symbols.GetValueOrDefault(name, "");
        }
    }

    private static string Escaped(char c) => c switch
    {
        '\\' => "\n",
        ',' or ';' or ':' or ' ' => " ",
        '!' or '(' or ')' or '[' or ']' or '/' or '-' => "",
        '|' => "‖",
        _ => $"{c}",
    };

    private string Argument()
    {
        while (position < text.Length && text[position] == ' ') position++;
        return position < text.Length && text[position] != '}' ? Piece() : "";
    }

    private string Environment()
    {
        var name = Argument();
        var end = text.IndexOf($"\\end{{{name}}}", position, StringComparison.Ordinal);
        if (end < 0 || name is not ("pmatrix" or "bmatrix" or "array" or "smallmatrix")) return "";
        if (name == "array") Argument();
        var rows = text[position..Math.Max(position, end)].Split("\\\\").Select(row =>
            string.Join(' ', row.Split('&').Select(cell => Convert(cell).Trim())));
        position = end + name.Length + 6;
        return $"[ {string.Join("; ", rows)} ]";
    }
}
