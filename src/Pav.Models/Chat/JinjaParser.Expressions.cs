using System.Globalization;

namespace Pav.Models.Chat;

internal sealed partial class JinjaParser
{
    /// <summary>a if condition else b.</summary>
    private JinjaExpression Expression()
    {
        var value = Or();
        while (TakeName("if"))
        {
            var (then, condition) = (value, Or());
            var other = TakeName("else") ? Expression() : _ => JinjaValue.Undefined;
            value = scope => JinjaValue.Truth(condition(scope)) ? then(scope) : other(scope);
        }

        return value;
    }

    private JinjaExpression Or()
    {
        var left = And();
        while (TakeName("or"))
        {
            var (a, b) = (left, And());
            left = scope => a(scope) is var value && JinjaValue.Truth(value) ? value : b(scope);
        }

        return left;
    }

    private JinjaExpression And()
    {
        var left = Not();
        while (TakeName("and"))
        {
            var (a, b) = (left, Not());
            left = scope => a(scope) is var value && !JinjaValue.Truth(value) ? value : b(scope);
        }

        return left;
    }

    private JinjaExpression Not()
    {
        if (!TakeName("not")) return Compared();
        var value = Not();
        return scope => !JinjaValue.Truth(value(scope));
    }

    /// <summary>a &lt; b &lt; c means that both hold.</summary>
    private JinjaExpression Compared()
    {
        var left = Operated(0);
        var parts = new List<(string Sign, JinjaExpression Right, int Line)>();
        while (true)
        {
            var line = Here.Line;
            if (Here.Kind == JinjaKind.Sign && Here.Text is "==" or "!=" or "<" or "<=" or ">" or ">=") parts.Add((tokens[at++].Text, Operated(0), line));
            else if (TakeName("in")) parts.Add(("in", Operated(0), line));
            else if (Here is { Kind: JinjaKind.Name, Text: "not" } && tokens[at + 1] is { Kind: JinjaKind.Name, Text: "in" })
            {
                at += 2;
                parts.Add(("not in", Operated(0), line));
            }
            else break;
        }

        if (parts.Count == 0) return left;
        return scope =>
        {
            var value = left(scope);
            foreach (var (sign, right, line) in parts)
            {
                var next = right(scope);
                if (!JinjaValue.Compare(sign, value, next, Fail(line))) return false;
                value = next;
            }

            return true;
        };
    }

    /// <summary>+ and −, then ~, then * / // %.</summary>
    private JinjaExpression Operated(int level)
    {
        string[][] levels = [["+", "-"], ["~"], ["*", "/", "//", "%"]];
        if (level == levels.Length) return Unary();
        var left = Operated(level + 1);
        while (Here.Kind == JinjaKind.Sign && levels[level].Contains(Here.Text))
        {
            var (sign, line) = (Here.Text, tokens[at++].Line);
            var (a, b) = (left, Operated(level + 1));
            left = scope => JinjaValue.Operate(sign, a(scope), b(scope), Fail(line));
        }

        return left;
    }

    private JinjaExpression Unary(bool filtered = true)
    {
        var line = Here.Line;
        JinjaExpression value;
        if (Take("-"))
        {
            var positive = Unary(false);
            value = scope => JinjaValue.Operate("-", 0L, positive(scope), Fail(line));
        }
        else value = Postfixed(Primary());

        while (filtered)
        {
            line = Here.Line;
            if (Take("|"))
            {
                var (input, name) = (value, Name());
                var arguments = Take("(") ? Arguments() : JinjaArguments.None;
                value = scope => JinjaFunctions.Filter(name, input(scope), arguments.Of(scope), Fail(line));
            }
            else if (TakeName("is"))
            {
                var (input, negated, name) = (value, TakeName("not"), Name());
                var arguments = Take("(") ? Arguments()
                    : Here.Kind is JinjaKind.String or JinjaKind.Number || (Here.Kind == JinjaKind.Name && Here.Text is not ("and" or "or" or "else" or "if" or "is" or "in" or "not")) ? new([Postfixed(Primary())], [])
                    : JinjaArguments.None;
                value = scope => JinjaFunctions.Test(name, input(scope), arguments.Of(scope), Fail(line)) != negated;
            }
            else break;
        }

        return value;
    }

    private JinjaExpression Postfixed(JinjaExpression value)
    {
        while (true)
        {
            var (owner, line) = (value, Here.Line);
            if (Take("."))
            {
                var name = Here.Kind == JinjaKind.Number ? tokens[at++].Text : Name();
                if (Take("("))
                {
                    var arguments = Arguments();
                    value = scope => JinjaFunctions.Method(owner(scope), name, arguments.Of(scope), Fail(line));
                }
                else value = scope => JinjaValue.Attribute(owner(scope), name, Fail(line));
            }
            else if (Take("["))
            {
                var from = Here is { Kind: JinjaKind.Sign, Text: ":" } ? null : Expression();
                if (Take("]")) value = scope => JinjaValue.Item(owner(scope), from!(scope), Fail(line));
                else
                {
                    Expect(":");
                    var to = Here is { Kind: JinjaKind.Sign, Text: ":" or "]" } ? null : Expression();
                    var step = Take(":") && Here is not { Kind: JinjaKind.Sign, Text: "]" } ? Expression() : null;
                    Expect("]");
                    value = scope => JinjaValue.Slice(owner(scope), from?.Invoke(scope), to?.Invoke(scope), step?.Invoke(scope), Fail(line));
                }
            }
            else if (Take("("))
            {
                var arguments = Arguments();
                value = scope => JinjaValue.Call(owner(scope), arguments.Of(scope), Fail(line));
            }
            else return value;
        }
    }

    private JinjaExpression Primary()
    {
        var token = tokens[at++];
        switch (token.Kind)
        {
            case JinjaKind.String:
                var text = token.Text;
                while (Here.Kind == JinjaKind.String) text += tokens[at++].Text;
                return _ => text;
            case JinjaKind.Number:
                object number = long.TryParse(token.Text, CultureInfo.InvariantCulture, out var whole) ? (object)whole
                    : double.TryParse(token.Text, CultureInfo.InvariantCulture, out var real) && token.Text.Contains('.') ? real
                    : throw wrong(token.Line, $"the number {token.Text}");
                return _ => number;
            case JinjaKind.Name:
                return token.Text switch
                {
                    "true" or "True" => _ => true,
                    "false" or "False" => _ => false,
                    "none" or "None" => _ => null,
                    _ => scope => scope.Get(token.Text),
                };
            case JinjaKind.Sign when token.Text is "(" or "[":
                return Listed(token.Text);
            case JinjaKind.Sign when token.Text == "{":
                return Mapped();
            default: throw wrong(token.Line, token.Kind == JinjaKind.Close ? "a tag that breaks off" : $"'{token.Text}' where a value is expected");
        }
    }

    /// <summary>A list, a tuple, or an expression in brackets.</summary>
    private JinjaExpression Listed(string open)
    {
        var close = open == "(" ? ")" : "]";
        var items = new List<JinjaExpression>();
        var comma = false;
        while (!Take(close))
        {
            items.Add(Expression());
            if (Take(",")) comma = true;
            else if (Here is not { Kind: JinjaKind.Sign } || Here.Text != close) throw wrong(Here.Line, $"'{Here.Text}' where {close} is expected");
        }

        return open == "(" && items.Count == 1 && !comma ? items[0] : scope => items.Select(i => i(scope)).ToList();
    }

    private JinjaExpression Mapped()
    {
        var (items, line) = (new List<(JinjaExpression Key, JinjaExpression Value)>(), Here.Line);
        while (!Take("}"))
        {
            var key = Expression();
            Expect(":");
            items.Add((key, Expression()));
            if (!Take(",") && Here is not { Kind: JinjaKind.Sign, Text: "}" }) throw wrong(Here.Line, $"'{Here.Text}' where }} is expected");
        }

        return scope =>
        {
            var map = new Dictionary<string, object?>();
            foreach (var (key, value) in items) map[key(scope) as string ?? throw wrong(line, "a key that is no text")] = value(scope);
            return map;
        };
    }

    private JinjaArguments Arguments()
    {
        var (plain, named) = (new List<JinjaExpression>(), new List<(string, JinjaExpression)>());
        while (!Take(")"))
        {
            if (Here.Kind == JinjaKind.Name && tokens[at + 1] is { Kind: JinjaKind.Sign, Text: "=" })
            {
                var name = Name();
                at++;
                named.Add((name, Expression()));
            }
            else plain.Add(Expression());

            if (!Take(",") && Here is not { Kind: JinjaKind.Sign, Text: ")" }) throw wrong(Here.Line, $"'{Here.Text}' where ) is expected");
        }

        return new(plain, named);
    }
}
