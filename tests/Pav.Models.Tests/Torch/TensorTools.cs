using Pav.Torch;
using static Pav.Torch.Operator;

namespace Pav.Models.Tests;

/// <summary>Operators of libtorch that only tests call.</summary>
internal static class TensorTools
{
    public static Tensor t(this Tensor x) => call("t", x);
    public static Tensor flatten(this Tensor x) => call("flatten.using_ints", x, 0, -1);
    public static Tensor select(this Tensor x, long dim, long index) => call("select.int", x, dim, index);
    public static Tensor repeat_interleave(this Tensor x, long repeats, long dim) => call("repeat_interleave.self_int", x, repeats, dim);
    public static Tensor matmul(this Tensor x, Tensor other) => call("matmul", x, other);
    public static Tensor square(this Tensor x) => call("square", x);
    public static Tensor abs(this Tensor x) => call("abs", x);
    public static Tensor sigmoid(this Tensor x) => call("sigmoid", x);
    public static Tensor mean(this Tensor x) => call("mean", x);
    public static Tensor max(this Tensor x) => call("max", x);
    public static Tensor argmax(this Tensor x) => call("argmax", x, Arg.None, false);


    /// <summary>The same numbers whatever was drawn before, so that no test depends on the order of the others.</summary>
    public static Tensor normal_(this Tensor x, double mean = 0, double std = 1)
    {
        torch.manual_seed(x.numel);
        return InPlace(x, "normal_", x, mean, std);
    }

    public static Tensor add_(this Tensor x, Tensor other) => InPlace(x, "add_.Tensor", x, other, 1);
    public static Tensor sub_(this Tensor x, Tensor other) => InPlace(x, "sub_.Tensor", x, other);
    public static Tensor mul_(this Tensor x, Scalar other) => InPlace(x, "mul_.Scalar", x, other);

    public static bool allclose(this Tensor a, Tensor b, double rtol = 1e-5, double atol = 1e-8) => callBool("allclose", a, b, rtol, atol);

    private static Tensor InPlace(Tensor x, string name, params ReadOnlySpan<Arg> args)
    {
        call_(name, args);
        return x;
    }
}
