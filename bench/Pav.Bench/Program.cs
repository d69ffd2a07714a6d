using Pav.Bench;

const string usage = "usage: dotnet run -c Release --project bench/Pav.Bench -- sampling [sequences …] | labelling | scoring";
switch (args)
{
    case ["sampling", .. var counts]:
        await SamplingBench.Run(counts.Length == 0 ? [1, 16, 64, 256] : [.. counts.Select(int.Parse)]);
        return 0;
    case ["labelling"]:
        await TreeBench.Labelling();
        return 0;
    case ["scoring"]:
        await TreeBench.Scoring();
        return 0;
    default:
        Console.Error.WriteLine(usage);
        return 2;
}
