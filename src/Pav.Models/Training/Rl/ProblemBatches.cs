namespace Pav.Models.Training;

/// <summary>
/// Which problems an iteration is about: endless passes over all, each in an order of its own; a pass leaves out those that do not fill
/// a last batch.
/// </summary>
internal sealed class ProblemBatches(IReadOnlyList<Problem> problems, int size, ulong seed)
{
    private int pass = -1;
    private Problem[] order = [];

    public Problem[] At(int iteration)
    {
        var perPass = problems.Count / size;
        if (iteration / perPass != pass)
        {
            pass = iteration / perPass;
            order = [.. problems];
            LengthBuckets.Shuffle(order, Seeds.Derive(seed, "", "problems", pass));
        }

        return order[(iteration % perPass * size)..((iteration % perPass + 1) * size)];
    }
}
