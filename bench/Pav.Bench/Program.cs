using Pav.Bench;

const string usage =
    "usage: dotnet run -c Release --project bench/Pav.Bench -- sampling [FOLDER|11M [sequences …]] | labelling | scoring | "
    + "training [rows …] | engine FOLDER|11M [rows tokens] | "
    + "threads FOLDER|11M [rows tokens] | calls | rl [model folder] | remote [requests] | faults [model folder] | "
    + "double [dialect …] | affinity [model folder] | serve [FOLDER [rounds]] | soak [requests]"
    + " | streaming [prefixes] | allocation labels.jsonl | tokenizer FOLDER TEXTS.jsonl … | "
    + "load FOLDER | rewards [VERIFIER|- [traces [rounds]]] | device DEVICE FOLDER [sequences …]";
switch (args)
{
    case ["sampling"]:
        foreach (var model in (string[])["11M", "models/pav-tiny-s"]) await SamplingBench.Run(model, [1, 16, 64, 256], products: true);
        return 0;
    case ["sampling", var model, .. var counts]:
        await SamplingBench.Run(model, counts.Length == 0 ? [1, 16, 64, 256] : [.. counts.Select(int.Parse)], products: false);
        return 0;
    case ["labelling"]:
        await TreeBench.Labelling();
        return 0;
    case ["scoring"]:
        await TreeBench.Scoring();
        return 0;
    case ["training", .. var batches]:
        TrainingBench.Run(batches.Length == 0 ? [32] : [.. batches.Select(int.Parse)]);
        return 0;
    case ["engine", var subject, .. var sizes] when sizes.Length is 0 or 2:
        EngineBench.Run(subject, sizes.Length == 0 ? 32 : int.Parse(sizes[0]), sizes.Length == 0 ? 128 : int.Parse(sizes[1]));
        return 0;
    case ["threads", var subject, .. var sizes] when sizes.Length is 0 or 2:
        ThreadsBench.Run(subject, sizes.Length == 0 ? 128 : int.Parse(sizes[0]), sizes.Length == 0 ? 100 : int.Parse(sizes[1]));
        return 0;
    case ["calls"]:
        CallBench.Run();
        return 0;
    case ["rl", .. var folder]:
        await RlBench.Run(folder.FirstOrDefault() ?? "models/pav-tiny-s");
        return 0;
    case ["remote", .. var requests]:
        await RemoteBench.Overhead(requests.Length == 0 ? 200_000 : int.Parse(requests[0]));
        return 0;
    case ["faults", .. var served]:
        await RemoteBench.Faults(served.FirstOrDefault() ?? "models/pav-tiny-s");
        return 0;
    case ["double", .. var dialects]:
        await ServedBench.Serve(dialects.Length == 0 ? ["vllm"] : dialects);
        return 0;
    case ["affinity", .. var replicated]:
        await ServedBench.Affinity(replicated.FirstOrDefault() ?? "models/pav-tiny-s");
        return 0;
    case ["serve", .. var given] when given.Length <= 2:
        await ServeBench.Run(given.FirstOrDefault() ?? "models/pav-tiny-s", given.Length < 2 ? 5 : int.Parse(given[1]));
        return 0;
    case ["soak", .. var requests]:
        await SoakBench.Run("models/pav-tiny-s", requests.Length == 0 ? 10_000 : int.Parse(requests[0]));
        return 0;
    case ["streaming", .. var prefixes]:
        await StreamingBench.Run(prefixes.Length == 0 ? 1_000_000 : int.Parse(prefixes[0]));
        return 0;
    case ["allocation", var labels]:
        AllocationBench.Run(labels);
        return 0;
    case ["tokenizer", var folder, .. var files] when files.Length > 0:
        TokenizerBench.Run(folder, files);
        return 0;
    case ["load", var checkpoint]:
        await LoadBench.Run(checkpoint);
        return 0;
    case ["rewards", .. var asked] when asked.Length <= 3:
        await RewardBench.Run(asked.FirstOrDefault() is "-" ? null : asked.FirstOrDefault(),
            asked.Length < 2 ? 1024 : int.Parse(asked[1]), asked.Length < 3 ? 9 : int.Parse(asked[2]));
        return 0;
    case ["device", var device, var checkpoint, .. var counts]:
        await DeviceBench.Run(device, checkpoint, counts.Length == 0 ? [64, 256] : [.. counts.Select(int.Parse)]);
        return 0;
    default:
        Console.Error.WriteLine(usage);
        return 2;
}
