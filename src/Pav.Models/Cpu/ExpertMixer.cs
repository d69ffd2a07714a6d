using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>
/// What a mixture of experts leaves for its gradient. Each choice, a token with one of its experts, has a row of <see cref="Gates"/>,
/// <see cref="Ups"/> and <see cref="Outputs"/>, expert by expert.
/// </summary>
internal sealed unsafe class ExpertState(DecoderConfig config)
{
    private readonly Experts experts = config.Experts!;

    public readonly Rows Probabilities = new(config.Experts!.Count), Weights = new(config.Experts!.PerToken),
        Gates = new(config.Experts!.PerToken * Floats.Stride(config.Experts!.Size)),
        Ups = new(config.Experts!.PerToken * Floats.Stride(config.Experts!.Size)),
        Outputs = new(config.Experts!.PerToken * Floats.Stride(config.HiddenSize));

    private int[] chosen = [];

    public IEnumerable<Rows> All => [Probabilities, Weights, Gates, Ups, Outputs];

    /// <summary>Choices (token·k + place) in the order of their rows.</summary>
    public int[] Choices { get; private set; } = [];

    /// <summary>The first row of each expert, and their number at last.</summary>
    public int[] Starts { get; } = new int[config.Experts!.Count + 1];

    public ReadOnlySpan<int> ChosenBy(int token) => chosen.AsSpan(token * experts.PerToken, experts.PerToken);

    public float* Weight(int choice) => Weights.Data + (long)(choice / experts.PerToken) * Weights.Stride + choice % experts.PerToken;

    /// <summary>Chooses experts for each token by its probabilities.</summary>
    public void Route(int tokens)
    {
        var k = experts.PerToken;
        if (chosen.Length < tokens * k) (chosen, Choices) = (new int[tokens * k], new int[tokens * k]);
        Array.Clear(Starts);
        for (var t = 0; t < tokens; t++)
        {
            experts.Route(new(Probabilities.Data + (long)t * Probabilities.Stride, experts.Count), chosen.AsSpan(t * k, k),
                new(Weights.Data + (long)t * Weights.Stride, k));
            foreach (var e in ChosenBy(t)) Starts[e + 1]++;
        }

        for (var e = 0; e < experts.Count; e++) Starts[e + 1] += Starts[e];
        var next = Starts[..^1];
        for (var choice = 0; choice < tokens * k; choice++) Choices[next[chosen[choice]]++] = choice;
    }
}

/// <summary>What one thread needs for the rows of one expert at a time.</summary>
internal sealed class ExpertScratch(DecoderConfig config)
{
    public readonly Rows Read = new(config.HiddenSize), Back = new(config.HiddenSize), Given = new(config.HiddenSize),
        Inner = new(config.Experts!.Size), Logits = new(config.Experts!.Count);

    public IEnumerable<Rows> All => [Read, Back, Given, Inner, Logits];
}

/// <summary>A mixture of <see cref="Experts"/>, forward and backward. No loss of its own balances the experts.</summary>
internal sealed unsafe class ExpertMixer(DecoderConfig config, Func<string, Projection> projection)
{
    private readonly Experts experts = config.Experts!;
    private readonly Projection router = projection(Experts.Router);
    private readonly (Projection Gate, Projection Up, Projection Down)[] parts = [.. Enumerable.Range(0, config.Experts!.Count)
        .Select(Experts.Names).Select(n => (projection(n.Gate), projection(n.Up), projection(n.Down)))];

    public IEnumerable<Projection> Projections => parts.SelectMany(p => (Projection[])[p.Gate, p.Up, p.Down]).Prepend(router);

    private int Inner => Floats.Stride(experts.Size);

    private int Padded => Products.Padded(experts.Size);

    /// <summary>Adds what the experts make of x's rows to the result's.</summary>
    public void Forward(int n, Rows x, ExpertState s, ExpertScratch work, Floats adapter, Rows result)
    {
        router.Forward(x.Data, x.Stride, n, s.Probabilities.Data, s.Probabilities.Stride, false, adapter);
        for (var t = 0; t < n; t++) RowKernels.Softmax(s.Probabilities.Data + (long)t * s.Probabilities.Stride, experts.Count);
        s.Route(n);
        for (var e = 0; e < experts.Count; e++)
        {
            var (first, rows) = (s.Starts[e], s.Starts[e + 1] - s.Starts[e]);
            if (rows == 0) continue;
            float* gates = s.Gates.Data + (long)first * Inner, ups = s.Ups.Data + (long)first * Inner;
            var outputs = s.Outputs.Data + (long)first * x.Stride;
            Gather(s, first, rows, x, work.Read);
            parts[e].Gate.Forward(work.Read.Data, x.Stride, rows, gates, Inner, false, adapter);
            parts[e].Up.Forward(work.Read.Data, x.Stride, rows, ups, Inner, false, adapter);
            for (var i = 0L; i < rows; i++)
                RowKernels.Gate(gates + i * Inner, ups + i * Inner, work.Inner.Data + i * Inner, Padded, gelu: false);
            parts[e].Down.Forward(work.Inner.Data, Inner, rows, outputs, x.Stride, false, adapter);
            for (var i = 0; i < rows; i++)
                RowKernels.Add(outputs + (long)i * x.Stride, Row(result, Token(s, first + i)), config.HiddenSize,
                    *s.Weight(s.Choices[first + i]));
        }
    }

    /// <summary>From the gradient d of the result that of x, into dx; adds to the weights' gradients. The state is used up.</summary>
    public void Backward(int n, Rows x, ExpertState s, ExpertScratch work, Floats adapter, Rows d, Rows dx, float* gradients)
    {
        dx.Clear(n);
        work.Logits.Clear(n);
        for (var e = 0; e < experts.Count; e++)
        {
            var (first, rows) = (s.Starts[e], s.Starts[e + 1] - s.Starts[e]);
            if (rows == 0) continue;
            var (gate, up, down) = parts[e];
            float* gates = s.Gates.Data + (long)first * Inner, ups = s.Ups.Data + (long)first * Inner, inner = work.Inner.Data;
            var outputs = s.Outputs.Data + (long)first * x.Stride;
            Gather(s, first, rows, x, work.Read);
            work.Given.Clear(rows);
            for (var i = 0; i < rows; i++)
            {
                var (token, choice) = (Token(s, first + i), s.Choices[first + i]);
                RowKernels.Add(Row(d, token), Row(work.Given, i), config.HiddenSize, *s.Weight(choice));
                Row(work.Logits, token)[e] = RowKernels.Dot(Row(d, token), outputs + (long)i * x.Stride, config.HiddenSize);
            }

            down.InputGradient(work.Given.Data, x.Stride, rows, inner, Inner, false, adapter);
            for (var i = 0L; i < rows; i++)
                RowKernels.GateGradient(gates + i * Inner, ups + i * Inner, inner + i * Inner, Padded, gelu: false);
            down.WeightGradient(inner, Inner, work.Given.Data, x.Stride, rows, gradients, adapter);
            gate.WeightGradient(work.Read.Data, x.Stride, gates, Inner, rows, gradients, adapter);
            up.WeightGradient(work.Read.Data, x.Stride, ups, Inner, rows, gradients, adapter);
            gate.InputGradient(gates, Inner, rows, work.Back.Data, x.Stride, false, adapter);
            up.InputGradient(ups, Inner, rows, work.Back.Data, x.Stride, true, adapter);
            for (var i = 0; i < rows; i++) RowKernels.Add(Row(work.Back, i), Row(dx, Token(s, first + i)), config.HiddenSize);
        }

        for (var t = 0; t < n; t++) RouterGradient(s, t, Row(work.Logits, t), Row(s.Probabilities, t));
        router.WeightGradient(x.Data, x.Stride, work.Logits.Data, work.Logits.Stride, n, gradients, adapter);
        router.InputGradient(work.Logits.Data, work.Logits.Stride, n, dx.Data, dx.Stride, true, adapter);
    }

    /// <summary>From the gradients of a token's weights, 0 for experts that do not read it, those of the router's logits.</summary>
    private void RouterGradient(ExpertState s, int token, float* gradient, float* p)
    {
        var chosen = s.ChosenBy(token);
        if (experts.Normalised)
        {
            var (sum, shift) = (0f, 0f);
            foreach (var e in chosen) sum += p[e];
            foreach (var e in chosen) shift += gradient[e] * p[e] / sum;
            foreach (var e in chosen) gradient[e] = (gradient[e] - shift) / sum;
        }

        var mean = 0f;
        foreach (var e in chosen) mean += gradient[e] * p[e];
        for (var e = 0; e < experts.Count; e++) gradient[e] = p[e] * (gradient[e] - mean);
    }

    private int Token(ExpertState s, int row) => s.Choices[row] / experts.PerToken;

    private static float* Row(Rows rows, int row) => rows.Data + (long)row * rows.Stride;

    private void Gather(ExpertState s, int first, int rows, Rows from, Rows into)
    {
        for (var i = 0; i < rows; i++)
            new ReadOnlySpan<float>(Row(from, Token(s, first + i)), config.HiddenSize).CopyTo(new(Row(into, i), config.HiddenSize));
    }
}
