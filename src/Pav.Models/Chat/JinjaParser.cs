using System.Globalization;
using System.Text;

namespace Pav.Models.Chat;

/// <summary>What runs next after a statement.</summary>
internal enum JinjaFlow { Next, Break, Continue }

internal delegate object? JinjaExpression(JinjaScope scope);

internal delegate JinjaFlow JinjaStatement(JinjaScope scope, StringBuilder output);

/// <summary>
/// The part of Jinja that chat templates are written in: <c>if for set generation break continue</c>, and expressions with filters, tests, methods, slices and inline conditions.
/// Anything else (macros, imports, blocks) is refused with its name and line.
/// </summary>
internal sealed class JinjaParser(IReadOnlyList<JinjaToken> tokens, Func<int, string, UserError> wrong)
{
    private int at;

    private JinjaToken Here => tokens[at];

    public JinjaStatement Template() => Body([], out _);

    private static JinjaFlow Run(IReadOnlyList<JinjaStatement> statements, JinjaScope scope, StringBuilder output)
    {
        foreach (var statement in statements)
            if (statement(scope, output) is var flow and not JinjaFlow.Next) return flow;
        return JinjaFlow.Next;
    }

    /// <summary>Statements up to one of the tags, which is passed over up to its own words.</summary>
    private JinjaStatement Body(string[] enders, out string ender)
    {
        var statements = new List<JinjaStatement>();
        while (true)
        {
            var token = tokens[at++];
            if (token.Kind == JinjaKind.Text) statements.Add((_, output) => { output.Append(token.Text); return JinjaFlow.Next; });
            else if (token.Kind == JinjaKind.Open)
            {
                var shown = Expression();
                Close();
                statements.Add((scope, output) => { output.Append(JinjaValue.Text(shown(scope), Fail(token.Line))); return JinjaFlow.Next; });
            }
            else if (token.Kind == JinjaKind.OpenTag)
            {
                var name = Name();
                if (enders.Contains(name))
                {
                    ender = name;
                    return (scope, output) => Run(statements, scope, output);
                }

                statements.Add(Statement(name, token.Line));
            }
            else if (token.Kind == JinjaKind.End && enders.Length == 0)
            {
                ender = "";
                return (scope, output) => Run(statements, scope, output);
            }
            else throw wrong(token.Line, enders.Length == 0 ? $"a tag that cannot stand there" : $"the end of the template, where {{% {enders[^1]} %}} is missing");
        }
    }

    private JinjaStatement Statement(string name, int line)
    {
        switch (name)
        {
            case "if": return If();
            case "for": return For(line);
            case "set": return Set(line);
            case "break" or "continue":
                Close();
                return (_, _) => name == "break" ? JinjaFlow.Break : JinjaFlow.Continue;
            case "generation":
                Close();
                var body = Body(["endgeneration"], out _);
                Close();
                return body;
            default: throw wrong(line, $"{{% {name} %}}");
        }
    }

    private JinjaStatement If()
    {
        var condition = Expression();
        Close();
        var then = Body(["elif", "else", "endif"], out var ender);
        JinjaStatement? other = null;
        if (ender == "elif") other = If();
        else
        {
            Close();
            if (ender == "else")
            {
                other = Body(["endif"], out _);
                Close();
            }
        }

        return (scope, output) => JinjaValue.Truth(condition(scope)) ? then(scope, output) : other?.Invoke(scope, output) ?? JinjaFlow.Next;
    }

    private JinjaStatement For(int line)
    {
        var names = new List<string> { Name() };
        while (Take(",")) names.Add(Name());
        if (!TakeName("in")) throw wrong(line, "{% for %} without in");
        var source = Or();
        var condition = TakeName("if") ? Expression() : null;
        if (Here is { Kind: JinjaKind.Name, Text: "recursive" }) throw wrong(line, "{% for … recursive %}");
        Close();
        var body = Body(["else", "endfor"], out var ender);
        Close();
        JinjaStatement? none = null;
        if (ender == "else")
        {
            none = Body(["endfor"], out _);
            Close();
        }

        return (scope, output) =>
        {
            var items = JinjaValue.Items(source(scope), Fail(line));
            if (condition is not null) items = [.. items.Where(item => JinjaValue.Truth(condition(Bound(scope, item))))];
            if (items.Count == 0) return none?.Invoke(scope, output) ?? JinjaFlow.Next;
            for (var i = 0; i < items.Count; i++)
            {
                var inner = Bound(scope, items[i]);
                inner.Set("loop", JinjaValue.Loop(items, i));
                if (body(inner, output) == JinjaFlow.Break) break;
            }

            return JinjaFlow.Next;
        };

        JinjaScope Bound(JinjaScope scope, object? item)
        {
            var inner = new JinjaScope(scope);
            if (names.Count == 1) inner.Set(names[0], item);
            else
            {
                var parts = JinjaValue.Items(item, Fail(line));
                if (parts.Count != names.Count) throw wrong(line, $"{{% for %}} over {names.Count} names with values of {parts.Count}");
                for (var n = 0; n < names.Count; n++) inner.Set(names[n], parts[n]);
            }

            return inner;
        }
    }

    private JinjaStatement Set(int line)
    {
        var name = Name();
        var field = Take(".") ? Name() : null;
        if (Here is { Kind: JinjaKind.Close })
        {
            Close();
            var body = Body(["endset"], out _);
            Close();
            return (scope, _) =>
            {
                var text = new StringBuilder();
                body(new(scope), text);
                scope.Set(name, text.ToString());
                return JinjaFlow.Next;
            };
        }

        Expect("=");
        var value = Expression();
        Close();
        return (scope, _) =>
        {
            if (field is null) scope.Set(name, value(scope));
            else if (scope.Get(name) is JinjaNamespace space) space.Fields[field] = value(scope);
            else throw wrong(line, $"{{% set {name}.{field} %}} of something that is no namespace");
            return JinjaFlow.Next;
        };
    }

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
                object number = token.Text.Contains('.') ? double.Parse(token.Text, CultureInfo.InvariantCulture) : (object)long.Parse(token.Text, CultureInfo.InvariantCulture);
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
        var items = new List<(JinjaExpression Key, JinjaExpression Value)>();
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
            foreach (var (key, value) in items) map[key(scope) as string ?? throw wrong(Here.Line, "a key that is no text")] = value(scope);
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

    private Func<string, UserError> Fail(int line) => what => wrong(line, what);

    private bool Take(string sign)
    {
        if (Here.Kind != JinjaKind.Sign || Here.Text != sign) return false;
        at++;
        return true;
    }

    private bool TakeName(string name)
    {
        if (Here.Kind != JinjaKind.Name || Here.Text != name) return false;
        at++;
        return true;
    }

    private void Expect(string sign)
    {
        if (!Take(sign)) throw wrong(Here.Line, $"'{Here.Text}' where {sign} is expected");
    }

    private string Name() => Here.Kind == JinjaKind.Name ? tokens[at++].Text : throw wrong(Here.Line, $"'{Here.Text}' where a name is expected");

    private void Close()
    {
        if (tokens[at++] is { Kind: not JinjaKind.Close } other) throw wrong(other.Line, $"'{other.Text}' where the tag's end is expected");
    }
}
