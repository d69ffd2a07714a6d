using Pav.Cli.Installation;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models.Files;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Cli.Commands.Serve;

/// <summary>What a server has to tell when it has stopped.</summary>
internal sealed record ServeResult(long GeneratedTokens);

/// <summary>Answers over HTTP until it is stopped: guided answers as OpenAI's API, rewards, and searches to watch.</summary>
internal static class ServeCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ServeSettings, ServeResult>(
        "serve", "Answer over HTTP: OpenAI's API with guided search behind it, step rewards for RL frameworks, and searches to watch.",
        """
        pav serve --policy runs/sft --verifier runs/verifier --outcome runs/outcome
        pav serve --policy http://host:8000/v1 --tokenizer models/served --verifier runs/verifier --host 0.0.0.0 --key-file serve.key
        """, Output.OptionalFolder, Run);

    private static async Task<ServeResult> Run(ServeSettings settings, CommandContext context)
    {
        var options = settings.ToServeOptions(Key(settings.KeyFile));
        options.Check();
        CheckProver(settings);
        await using var loaded = new Loaded(settings, context);
        await using var server = await PavServer.Start(options, loaded.Open);
        context.Reporter.Say($"Listening on {server.Url}; loading {settings.Policy}");
        var stopped = Task.Delay(Timeout.Infinite, context.Cancel);
        if (await Task.WhenAny(server.Loaded, stopped) == server.Loaded)
        {
            await server.Loaded;
            context.Reporter.Say($"Ready: {server.Url}/v1, docs/serve.md says what it answers. Ctrl-C stops it.");
            await Task.WhenAny(stopped);
        }

        context.Reporter.Say("Stopping: requests under way come to their end; a second Ctrl-C stops at once.");
        await server.Stop(TimeSpan.FromSeconds(settings.Grace));
        return context.Folder is null ? new(loaded.GeneratedTokens) : throw new OperationCanceledException(context.Cancel);
    }

    /// <summary>Refuses a default prover that there will not be, before any model is loaded.</summary>
    private static void CheckProver(ServeSettings settings)
    {
        string[] names = [.. settings.Provers.Select(p => Checkpoint.NameOf(Home.Model("--provers", p)))];
        if (names.Contains(settings.Prover) || ProverName.Strength(settings.Prover) is >= 1 and <= 4096) return;
        throw new UserError($"--prover '{settings.Prover}' is neither boK, K from 1 to 4096, nor the name of one of --provers"
            + (names.Length > 0 ? $" ({string.Join(", ", names)})." : ", of which there are none."));
    }

    /// <summary>Servers are asked what they are with this problem; where their model knows a few words only, with one of these.</summary>
    private static Problem Probe(Tokenizer? tokenizer)
    {
        var problem = new Problem("probe", "1 + 1", "2");
        try
        {
            tokenizer?.Encode(problem.Text);
            return problem;
        }
        catch (UserError)
        {
            var words = Enumerable.Range(0, tokenizer!.Size).Where(id => !tokenizer.IsSpecial(id)).Select(id => tokenizer.Decode([id]));
            return problem with { Text = words.First(word => !string.IsNullOrWhiteSpace(word)).Trim() };
        }
    }

    /// <summary>The key that clients must bring; empty where none is named.</summary>
    private static string Key(string file)
    {
        ApiKey.RefuseKeys("", file);
        if (file == "") return Environment.GetEnvironmentVariable(ServeSettings.KeyVariable)?.Trim() ?? "";
        var key = string.Concat(InputFile.Lines(file).Take(1).Select(l => l.Text)).Trim();
        return key != "" ? key : throw new UserError($"--key-file {file}: its first line is empty, the key should be there.");
    }

    /// <summary>The models of a server, from their opening to their end.</summary>
    private sealed class Loaded(ServeSettings settings, CommandContext context) : IAsyncDisposable
    {
        private readonly Dictionary<string, IVerifier> verifiers = [];
        private OpenedPolicy? policy;

        public long GeneratedTokens => policy?.GeneratedTokens ?? 0;

        public async Task<ServedModels> Open(CancellationToken cancel)
        {
            if (settings.Verifier is not "" and var values) Checkpoint.CheckValues("--verifier", values, Home.Model("--verifier", values));
            foreach (var given in settings.Provers) Checkpoint.CheckValues("--provers", given, Home.Model("--provers", given));
            var folder = !EndpointUrl.IsRemote(settings.Policy) ? Home.Policy(settings.Policy)
                : settings.Servers.Tokenizer == "" ? "" : Home.Model("--tokenizer", settings.Servers.Tokenizer);
            var tokenizer = folder == "" ? null : Checkpoint.TokenizerOf(folder);
            policy = await OpenedPolicy.Open(settings, [Probe(tokenizer)], context with { Cancel = cancel });
            var template = Checkpoint.Template(settings.Prompt, folder, settings.Ends);
            var models = new ServedModels(policy.Name, policy, Grader.Named(settings.Grader), template)
            {
                IsRemote = policy.IsRemote,
                Tokenizer = tokenizer,
                Context = policy.MaxTokens,
                Logprobs = policy.Logprobs,
                Verifier = Verifier("--verifier", settings.Verifier),
                Outcome = Verifier("--outcome", settings.Outcome),
                Provers = settings.Provers.Select(p => Prover.By(Verifier("--provers", p)!)).DistinctBy(p => p.Name)
                    .ToDictionary(p => p.Name),
            };
            return models with { Defaults = settings.Defaults with { Prover = models.FindProver(settings.Prover) } };
        }

        public ValueTask DisposeAsync()
        {
            policy?.Dispose();
            foreach (var verifier in verifiers.Values.OfType<IDisposable>()) verifier.Dispose();
            return ValueTask.CompletedTask;
        }

        private IVerifier? Verifier(string option, string given) =>
            given == "" ? null
            : verifiers.TryGetValue(given, out var known) ? known
            : verifiers[given] = Checkpoint.Verifier(option, given, settings, policy!.StepEnd);
    }
}
