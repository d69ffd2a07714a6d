using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Models.Tests.Torch.GradientCheck;

namespace Pav.Models.Tests.Models;

public class DecoderLayerTests
{
    /// <summary>With respect to the input and to every weight of a layer.</summary>
    [Theory]
    [InlineData(Activation.Silu, false)]
    [InlineData(Activation.GeluTanh, true)]
    public void Gradient_of_a_layer(Activation activation, bool everyChoice)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(1);
        var config = new DecoderConfig
        {
            VocabSize = 3, HiddenSize = 4, IntermediateSize = 5, Layers = 1, Heads = 2, KvHeads = 1, HeadSize = 2, Activation = activation,
            PostNorms = everyChoice, NormPlusOne = everyChoice, QueryKeyNorm = everyChoice, QkvBias = everyChoice, MlpBias = everyChoice,
        };
        var (cos, sin) = functional.rotary_tables(functional.rotary_frequencies(2, 100), 3);
        (cos, sin) = (cos.unsqueeze(1).unsqueeze(0).to(torch.float64), sin.unsqueeze(1).unsqueeze(0).to(torch.float64));
        var causal = torch.full([3, 3], double.NegativeInfinity, torch.float64).triu(1);
        var names = DecoderModel.Shapes(config).Where(s => s.Key.StartsWith("model.layers.", StringComparison.Ordinal)).ToList();
        Check(
            x => new DecoderLayer(config, 0, names.Select((s, i) => (s.Key, i)).ToDictionary(s => s.Key, s => x[s.i + 1]), _ => null, 1)
                .forward(x[0], cos, sin, new((_, q, k, v) =>
                    functional.attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), causal).transpose(1, 2))),
            [Random(1, 3, 4), .. names.Select(s => Random(s.Value))]);
    }
}
