using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Models.Remote;

namespace Pav.Cli.Running;

/// <summary>The commands as System.CommandLine sees them: every flag comes from an options record.</summary>
internal static class CommandTree
{
    private static readonly Option<string?> Recipe = new("--recipe") { Description = "Take option values from a recipe: a file, or the "
        + "name of one in recipes/; flags override it", HelpName = "NAME|FILE" };
    private static readonly Option<bool> Json =
        new("--json") { Description = "Print one JSON object on stdout at the end, and everything else on stderr" };
    private static readonly Option<bool> Quiet =
        new("--quiet") { Description = "Print nothing but errors (and the JSON object of --json)" };
    private static readonly Option<bool> All = new("--all") { Hidden = true };

    public static Command Build(IReadOnlyList<CommandSpec> specs, Func<CommandSpec, Request, Task<int>> start)
    {
        var root = new Command("pav",
            $"""
            pav trains process advantage verifiers for language models that reason in steps, and searches with them:
            a step is worth what it adds to the chance of a right answer (arXiv 2410.08146).

            To see all of it at once, in minutes:  {Home.Program} demo
            """);
        var help = new HelpOption();
        help.Action = new HelpWithExample((HelpAction)help.Action!, specs);
        root.Options.Add(help);
        root.Options.Add(new VersionOption());
        foreach (var spec in specs)
        {
            var parent = root;
            var words = spec.Name.Split(' ');
            if (words.Length == 2)
            {
                parent = root.Subcommands.FirstOrDefault(c => c.Name == words[0]) ?? Group(root, words[0]);
            }
            parent.Subcommands.Add(ToCommand(spec, words[^1], start));
        }
        root.Subcommands.Add(Tests());
        return root;
    }

    /// <summary>The first thing that is wrong with a command line, as one sentence; null if nothing is.</summary>
    public static string? Complaint(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.GetValue(All) && parsed.Action is not HelpWithExample)
            return $"--all goes with --help: '{Typed(PathOf(command))} --help --all'.";
        if (parsed.Errors.Count == 0) return null;
        var path = Typed(PathOf(command));
        if (parsed.UnmatchedTokens.FirstOrDefault() is { } token)
        {
            var option = token.StartsWith('-');
            if (IsKey(token)) return "a key is not given on the command line, where others can read it: put it into a file for "
                + $"--api-key-file, or into the environment variable {ApiKey.Variable} (--api-key-env names another one)";
            var known = option ? command.Options.Select(o => o.Name).Append("--help") : command.Subcommands.Select(c => c.Name);
            var hint = Nearest.Hint(token, known);
            var kind = option ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
            return $"'{path}' has no {kind} '{token}'{(hint == "" ? $"; see '{path} --help'." : hint)}";
        }
        return command.Subcommands.Count > 0
            ? $"'{path}' needs one of: {string.Join(", ", command.Subcommands.Select(c => c.Name))}; see '{path} --help'."
            : $"{parsed.Errors[0].Message.TrimEnd('.')}; see '{path} --help'.";
    }

    /// <summary>A command as a user types it here.</summary>
    private static string Typed(string command) => $"{Home.Program}{command["pav".Length..]}";

    private static bool IsKey(string token) =>
        token.Split('=')[0] is "--api-key" or "--api_key" or "--apikey" or "--key" or "--token" or "--openai-api-key"
            || ApiKey.BeginsLikeKey(token.TrimStart('-'));

    private static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : command.Name;

    /// <summary>A verb of the launcher, which help is to show; it does not get here.</summary>
    private static Command Tests()
    {
        var tests = new Command("test", "Build everything and run all tests, some minutes.");
        tests.SetAction(_ =>
        {
            Console.Error.WriteLine("pav: the tests are run by ./pav in pav's folder.");
            return Runner.Usage;
        });
        return tests;
    }

    private static Command Group(Command root, string name)
    {
        var about = name switch
        {
            "train" => "Fine-tune models; see 'pav train --help' for the kinds.",
            "labels" => "Move labels between files and programs; see 'pav labels --help'.",
            _ => $"See 'pav {name} --help'.",
        };
        var group = new Command(name, Home.Typed(about));
        root.Subcommands.Add(group);
        return group;
    }

    private static Command ToCommand(CommandSpec spec, string name, Func<CommandSpec, Request, Task<int>> start)
    {
        var command = new Command(name, spec.Description);
        var readers = new List<(OptionField Field, Func<ParseResult, string?> Text)>();
        foreach (var field in spec.Schema.Fields)
        {
            var help = Home.Typed($"{field.Flag.Description}{field.Accepts()}");
            Option option;
            if (field.Flag.Positional)
            {
                var rest = new Argument<string[]>(field.ShownName) { Description = help, Arity = ArgumentArity.ZeroOrMore };
                command.Arguments.Add(rest);
                readers.Add((field, parsed => Joined(parsed.GetValue(rest))));
                continue;
            }
            if (field.IsSwitch)
            {
                var toggle = new Option<bool>(field.FlagName);
                readers.Add((field, parsed => parsed.GetResult(toggle) is { Implicit: false } ? parsed.GetValue(toggle)
                    ? "on" : "off" : null));
                option = toggle;
            }
            else if (field.IsList)
            {
                var list = new Option<string[]>(field.FlagName) { HelpName = field.ValueName };
                readers.Add((field, parsed => Joined(parsed.GetValue(list))));
                option = list;
            }
            else
            {
                var text = new Option<string?>(field.FlagName) { HelpName = field.ValueName };
                readers.Add((field, parsed => parsed.GetValue(text)));
                option = text;
            }
            option.Description = help;
            command.Options.Add(option);
        }
        var ownRecipe = readers.Any(r => r.Field.FlagName == Recipe.Name);
        foreach (var common in ownRecipe ? [Json, Quiet] : new Option[] { Recipe, Json, Quiet }) command.Options.Add(common);
        command.Options.Add(All);
        command.SetAction((parsed, _) =>
        {
            var given = readers.Select(r => (r.Field.FlagName, Text: r.Text(parsed))).Where(r => r.Text is not null)
                .ToDictionary(r => r.FlagName, r => r.Text!);
            return start(spec, new Request(given, ownRecipe
                ? null : parsed.GetValue(Recipe), parsed.GetValue(Json), parsed.GetValue(Quiet)));
        });
        return command;
    }

    /// <summary>A list may be written with commas, or its flag repeated.</summary>
    private static string? Joined(string[]? items) => items is { Length: > 0 } ? string.Join(",", items) : null;

    /// <summary>Of the terminal; elsewhere wide enough for most.</summary>
    private static int Columns => Console.IsOutputRedirected ? 120 : Math.Clamp(Console.WindowWidth, 60, 140);

    private sealed class HelpWithExample(HelpAction help, IReadOnlyList<CommandSpec> specs) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parsed)
        {
            var command = parsed.CommandResult.Command;
            if (specs.FirstOrDefault(s => $"pav {s.Name}" == PathOf(command)) is not { } spec) return help.Invoke(parsed);
            var common = new Option[] { Recipe, Json, Quiet }.Where(command.Options.Contains).Select(o =>
                new HelpLine(o.HelpName is null ? o.Name : $"{o.Name} <{o.HelpName}>", o.Description!, "Run", IsFirst: o == Recipe))
                    .ToList();
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine(HelpText.Write(spec, common, parsed.GetValue(All), Columns));
            var lines = spec.Example.Split('\n').Select(line => line.StartsWith("pav ", StringComparison.Ordinal) ? Typed(line) : line);
            output.WriteLine($"Example:\n  {string.Join("\n  ", lines)}");
            return 0;
        }
    }
}

/// <summary>What a user asked of one command: the texts of the flags given, and how to answer.</summary>
internal sealed record Request(IReadOnlyDictionary<string, string> Flags, string? Recipe, bool Json, bool Quiet);
