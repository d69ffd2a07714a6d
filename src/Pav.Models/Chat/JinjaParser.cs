using System.Text;

namespace Pav.Models.Chat;

/// <summary>What runs next after a statement.</summary>
internal enum JinjaFlow { Next, Break, Continue }

internal delegate object? JinjaExpression(JinjaScope scope);

internal delegate JinjaFlow JinjaStatement(JinjaScope scope, StringBuilder output);

/// <summary>
/// The part of Jinja that chat templates are written in: <c>if for set macro generation break continue</c>, and expressions with filters,
/// tests, methods, slices and inline conditions.
/// Anything else (calls with a body, imports, blocks) is refused with its name and line.
/// </summary>
internal sealed partial class JinjaParser(IReadOnlyList<JinjaToken> tokens, Func<int, string, UserError> wrong)
{
    private int position, depth;

    private JinjaToken Here => tokens[position];

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
        Deeper();
        var statements = new List<JinjaStatement>();
        while (true)
        {
            var token = tokens[position++];
            if (token.Kind == JinjaKind.Text)
                statements.Add((scope, output) => { output.Append(scope.At(token.Line, wrong).Made(token.Text)); return JinjaFlow.Next; });
            else if (token.Kind == JinjaKind.Open)
            {
                var shown = Expression();
                Close();
                statements.Add((scope, output) =>
                {
                    var spot = scope.At(token.Line, wrong);
                    output.Append(spot.Made(JinjaWriter.Text(shown(scope), spot)));
                    return JinjaFlow.Next;
                });
            }
            else if (token.Kind == JinjaKind.OpenTag)
            {
                var name = Name();
                if (enders.Contains(name))
                {
                    (ender, depth) = (name, depth - 1);
                    return (scope, output) => Run(statements, scope, output);
                }

                statements.Add(Statement(name, token.Line));
            }
            else if (token.Kind == JinjaKind.End && enders.Length == 0)
            {
                ender = "";
                return (scope, output) => Run(statements, scope, output);
            }
            else throw wrong(token.Line, enders.Length == 0
                ? $"a tag that cannot stand there" : $"the end of the template, where {{% {enders[^1]} %}} is missing");
        }
    }

    private JinjaStatement Statement(string name, int line)
    {
        switch (name)
        {
            case "if": return If();
            case "for": return For(line);
            case "set": return Set(line);
            case "macro": return Macro(line);
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
        var branches = new List<(JinjaExpression Condition, JinjaStatement Then)>();
        JinjaStatement? otherwise = null;
        string ender;
        do
        {
            var condition = Expression();
            Close();
            branches.Add((condition, Body(["elif", "else", "endif"], out ender)));
        }
        while (ender == "elif");
        Close();
        if (ender == "else")
        {
            otherwise = Body(["endif"], out _);
            Close();
        }

        return (scope, output) =>
        {
            foreach (var (condition, then) in branches)
                if (JinjaValue.Truth(condition(scope))) return then(scope, output);
            return otherwise?.Invoke(scope, output) ?? JinjaFlow.Next;
        };
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
            var items = JinjaValue.Items(source(scope), scope.At(line, wrong));
            if (condition is not null) items = [.. items.Where(item => JinjaValue.Truth(condition(Bound(scope, item))))];
            var whole = false;
            for (var i = 0; i < items.Count; i++)
            {
                var inner = Bound(scope, items[i]);
                inner.Set("loop", JinjaValue.Loop(items, i));
                var flow = body(inner, output);
                if (flow == JinjaFlow.Break) break;
                whole |= flow == JinjaFlow.Next;
            }

            // As in Jinja, else follows where no round came to its end.
            return whole ? JinjaFlow.Next : none?.Invoke(scope, output) ?? JinjaFlow.Next;
        };

        JinjaScope Bound(JinjaScope scope, object? item)
        {
            var spot = scope.At(line, wrong);
            var inner = new JinjaScope(scope);
            if (names.Count == 1) inner.Set(names[0], item);
            else
            {
                var parts = JinjaValue.Items(item, spot);
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
                Put(scope, text.ToString());
                return JinjaFlow.Next;
            };
        }

        Expect("=");
        var value = Expression();
        Close();
        return (scope, _) =>
        {
            Put(scope, value(scope));
            return JinjaFlow.Next;
        };

        void Put(JinjaScope scope, object? given)
        {
            if (field is null) scope.Set(name, given);
            else if (scope.Get(name) is JinjaNamespace space) space.Fields[field] = given;
            else throw wrong(line, $"{{% set {name}.{field} %}} of something that is no namespace");
        }
    }

    /// <summary>A function that gives the text of its body; the body sees what stands around the macro, and sets names of its
    /// own.</summary>
    private JinjaStatement Macro(int line)
    {
        var name = Name();
        var parameters = new List<(string Name, JinjaExpression Otherwise)>();
        Expect("(");
        while (!Take(")"))
        {
            parameters.Add((Name(), Take("=") ? Expression() : _ => JinjaValue.Undefined));
            if (!Take(",") && Here is not { Kind: JinjaKind.Sign, Text: ")" }) throw wrong(Here.Line, $"'{Here.Text}' where ) is expected");
        }

        Close();
        var body = Body(["endmacro"], out _);
        Close();
        return (scope, _) =>
        {
            scope.Set(name, (JinjaCallable)Call);
            return JinjaFlow.Next;

            object Call(JinjaValues given, JinjaSpot spot)
            {
                if (++spot.Budget.Calls > JinjaBudget.MostCalls) throw spot.Fail($"the macro {name}, which calls itself without end,");
                if (!given.Fit([.. parameters.Select(p => p.Name)]))
                    throw spot.Fail($"the macro {name} (line {line}) with these arguments");
                var inner = new JinjaScope(scope);
                for (var i = 0; i < parameters.Count; i++)
                {
                    var (parameter, otherwise) = parameters[i];
                    inner.Set(parameter, i < given.Plain.Count ? given.Plain[i] : given.Named.TryGetValue(parameter, out var value)
                        ? value : otherwise(inner));
                }

                var text = new StringBuilder();
                body(inner, text);
                spot.Budget.Calls--;
                return text.ToString();
            }
        };
    }

    /// <summary>One more statement or bracket around what comes.</summary>
    private void Deeper()
    {
        if (++depth > JinjaBudget.MostDepth)
            throw wrong(Here.Line, $"a template with more than {JinjaBudget.MostDepth} statements and brackets around one another");
    }

    private bool Take(string sign)
    {
        if (Here.Kind != JinjaKind.Sign || Here.Text != sign) return false;
        position++;
        return true;
    }

    private bool TakeName(string name)
    {
        if (Here.Kind != JinjaKind.Name || Here.Text != name) return false;
        position++;
        return true;
    }

    private void Expect(string sign)
    {
        if (!Take(sign)) throw wrong(Here.Line, $"'{Here.Text}' where {sign} is expected");
    }

    private string Name() => Here.Kind == JinjaKind.Name
        ? tokens[position++].Text : throw wrong(Here.Line, $"'{Here.Text}' where a name is expected");

    private void Close()
    {
        if (tokens[position++] is { Kind: not JinjaKind.Close } other)
            throw wrong(other.Line, $"'{other.Text}' where the tag's end is expected");
    }
}
