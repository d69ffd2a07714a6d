using System.Globalization;

namespace Pav.Models.Chat;

internal sealed partial class JinjaParser
{
    private static readonly string[][] Levels = [["+", "-"], ["~"], ["*", "/", "//", "%"], ["**"]];

    /// <summary>a if condition else b if other else c.</summary>
    private JinjaExpression Expression()
    {
        Deeper();
        var choices = new List<(JinjaExpression Then, JinjaExpression[] Conditions)>();
        do
        {
            var (then, conditions) = (Or(), new List<JinjaExpression>());
            while (TakeName("if")) conditions.Add(Or());
            conditions.Reverse();
            choices.Add((then, [.. conditions]));
        }
        while (choices[^1].Conditions.Length > 0 && TakeName("else"));
        depth--;
        if (choices is [(var only, [])]) return only;
        return scope =>
        {
            foreach (var (i, (then, conditions)) in choices.Index())
            {
                if (i < choices.Count - 1 && !JinjaValue.Truth(conditions[0](scope))) continue;
                return conditions.Skip(i < choices.Count - 1 ? 1 : 0).All(c => JinjaValue.Truth(c(scope)))
                    ? then(scope) : JinjaValue.Undefined;
            }

            return JinjaValue.Undefined;
        };
    }

    private JinjaExpression Or() => Either("or", And, true);

    private JinjaExpression And() => Either("and", Not, false);

    /// <summary>The first value that decides, else the last one.</summary>
    private JinjaExpression Either(string word, Func<JinjaExpression> part, bool decides)
    {
        var parts = new List<JinjaExpression> { part() };
        while (TakeName(word)) parts.Add(part());
        if (parts.Count == 1) return parts[0];
        return scope =>
        {
            for (var i = 0; ; i++)
                if (parts[i](scope) is var value && (i == parts.Count - 1 || JinjaValue.Truth(value) == decides)) return value;
        };
    }

    private JinjaExpression Not()
    {
        var times = 0;
        while (TakeName("not")) times++;
        var value = Compared();
        return times == 0 ? value : scope => JinjaValue.Truth(value(scope)) == (times % 2 == 0);
    }

    /// <summary>a &lt; b &lt; c means that both hold.</summary>
    private JinjaExpression Compared()
    {
        var left = Operated(0);
        var parts = new List<(string Sign, JinjaExpression Right, int Line)>();
        while (true)
        {
            var line = Here.Line;
            if (Here.Kind == JinjaKind.Sign && Here.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
                parts.Add((tokens[position++].Text, Operated(0), line));
            else if (TakeName("in")) parts.Add(("in", Operated(0), line));
            else if (Here is { Kind: JinjaKind.Name, Text: "not" } && tokens[position + 1] is { Kind: JinjaKind.Name, Text: "in" })
            {
                position += 2;
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
                if (!JinjaValue.Compare(sign, value, next, scope.At(line, wrong))) return false;
                value = next;
            }

            return true;
        };
    }

    /// <summary>+ and −, then ~, then * / // %, then **; each from left to right.</summary>
    private JinjaExpression Operated(int level)
    {
        if (level == Levels.Length) return Unary();
        var left = Operated(level + 1);
        var parts = new List<(string Sign, JinjaExpression Right, int Line)>();
        while (Here.Kind == JinjaKind.Sign && Levels[level].Contains(Here.Text))
        {
            var (sign, line) = (Here.Text, tokens[position++].Line);
            parts.Add((sign, Operated(level + 1), line));
        }

        if (parts.Count == 0) return left;
        return scope =>
        {
            var value = left(scope);
            foreach (var (sign, right, line) in parts) value = JinjaValue.Operate(sign, value, right(scope), scope.At(line, wrong));
            return value;
        };
    }

    /// <summary>Signs before a value, and the filters and tests after it, which see the value with its signs.</summary>
    private JinjaExpression Unary()
    {
        var signs = new List<(string Sign, int Line)>();
        while (Here is { Kind: JinjaKind.Sign, Text: "-" or "+" }) signs.Add((Here.Text, tokens[position++].Line));
        var inner = Postfixed(Primary());
        var (after, line) = (new List<Func<object?, JinjaScope, object?>>(), 0);
        signs.Reverse();
        foreach (var (sign, where) in signs)
            after.Add((value, scope) => sign == "-" && value is double real
                ? -real : JinjaValue.Operate(sign, 0L, value, scope.At(where, wrong)));
        while (true)
        {
            line = Here.Line;
            var here = line;
            if (Take("|"))
            {
                var name = Name();
                var arguments = Take("(") ? Arguments() : JinjaArguments.None;
                after.Add((value, scope) => JinjaFunctions.Filter(name, value, arguments.In(scope), scope.At(here, wrong)));
            }
            else if (TakeName("is"))
            {
                var (negated, name) = (TakeName("not"), Name());
                var arguments = Take("(") ? Arguments()
                    : Here.Kind is JinjaKind.String or JinjaKind.Number || Here is { Kind: JinjaKind.Sign, Text: "[" or "{" }
                        || (Here.Kind == JinjaKind.Name && Here.Text is not ("and" or "or" or "else" or "if" or "is" or "in" or "not"))
                        ? new([Postfixed(Primary())], [])
                    : JinjaArguments.None;
                after.Add((value, scope) => JinjaFunctions.Test(name, value, arguments.In(scope), scope.At(here, wrong)) != negated);
            }
            else break;
        }

        return Chain(inner, after);
    }

    private static JinjaExpression Chain(JinjaExpression first, List<Func<object?, JinjaScope, object?>> after)
    {
        if (after.Count == 0) return first;
        return scope =>
        {
            var value = first(scope);
            foreach (var step in after) value = step(value, scope);
            return value;
        };
    }

    private JinjaExpression Postfixed(JinjaExpression first)
    {
        var after = new List<Func<object?, JinjaScope, object?>>();
        while (true)
        {
            var line = Here.Line;
            if (Take("."))
            {
                var name = Here.Kind == JinjaKind.Number ? tokens[position++].Text : Name();
                if (Take("("))
                {
                    var arguments = Arguments();
                    after.Add((owner, scope) => JinjaFunctions.Method(owner, name, arguments.In(scope), scope.At(line, wrong)));
                }
                else after.Add((owner, scope) => JinjaValue.Attribute(owner, name, scope.At(line, wrong)));
            }
            else if (Take("["))
            {
                var from = Here is { Kind: JinjaKind.Sign, Text: ":" } ? null : Expression();
                if (Take("]")) after.Add((owner, scope) => JinjaValue.Item(owner, from!(scope), scope.At(line, wrong)));
                else
                {
                    Expect(":");
                    var to = Here is { Kind: JinjaKind.Sign, Text: ":" or "]" } ? null : Expression();
                    var step = Take(":") && Here is not { Kind: JinjaKind.Sign, Text: "]" } ? Expression() : null;
                    Expect("]");
                    after.Add((owner, scope) =>
                        JinjaValue.Slice(owner, from?.Invoke(scope), to?.Invoke(scope), step?.Invoke(scope), scope.At(line, wrong)));
                }
            }
            else if (Take("("))
            {
                var arguments = Arguments();
                after.Add((owner, scope) => JinjaValue.Call(owner, arguments.In(scope), scope.At(line, wrong)));
            }
            else return Chain(first, after);
        }
    }

    private JinjaExpression Primary()
    {
        var token = tokens[position++];
        switch (token.Kind)
        {
            case JinjaKind.String:
                var parts = new List<string> { token.Text };
                while (Here.Kind == JinjaKind.String) parts.Add(tokens[position++].Text);
                var text = string.Concat(parts);
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
            default: throw wrong(token.Line, token.Kind == JinjaKind.Close
                ? "a tag that breaks off" : $"'{token.Text}' where a value is expected");
        }
    }

    /// <summary>A list, a tuple, or an expression in brackets.</summary>
    private JinjaExpression Listed(string open)
    {
        var close = open == "(" ? ")" : "]";
        var items = new List<JinjaExpression>();
        var (comma, line) = (false, Here.Line);
        while (!Take(close))
        {
            items.Add(Expression());
            if (Take(",")) comma = true;
            else if (Here is not { Kind: JinjaKind.Sign } || Here.Text != close)
                throw wrong(Here.Line, $"'{Here.Text}' where {close} is expected");
        }

        if (open == "(" && items.Count == 1 && !comma) return items[0];
        return scope =>
        {
            scope.At(line, wrong).Make(items.Count);
            List<object?> values = [.. items.Select(i => i(scope))];
            return open == "(" ? new JinjaTuple(values) : values;
        };
    }

    private JinjaExpression Mapped()
    {
        var (items, line) = (new List<(JinjaExpression Key, JinjaExpression Value)>(), Here.Line);
        while (!Take("}"))
        {
            var key = Expression();
            Expect(":");
            items.Add((key, Expression()));
            if (!Take(",") && Here is not { Kind: JinjaKind.Sign, Text: "}" })
                throw wrong(Here.Line, $"'{Here.Text}' where }} is expected");
        }

        return scope =>
        {
            scope.At(line, wrong).Make(items.Count);
            var map = new JinjaMap();
            foreach (var (key, value) in items)
                map[key(scope) is var k && k is string or bool or long or double
                    ? k : throw wrong(line, $"a key that is {JinjaValue.Kind(k)}")] = value(scope);
            return map;
        };
    }

    private JinjaArguments Arguments()
    {
        var (plain, named) = (new List<JinjaExpression>(), new List<(string, JinjaExpression)>());
        while (!Take(")"))
        {
            if (Here.Kind == JinjaKind.Name && tokens[position + 1] is { Kind: JinjaKind.Sign, Text: "=" })
            {
                var name = Name();
                position++;
                if (named.Exists(n => n.Item1 == name)) throw wrong(Here.Line, $"the argument {name}, given twice,");
                named.Add((name, Expression()));
            }
            else plain.Add(Expression());

            if (!Take(",") && Here is not { Kind: JinjaKind.Sign, Text: ")" }) throw wrong(Here.Line, $"'{Here.Text}' where ) is expected");
        }

        return new(plain, named);
    }
}
