namespace Pav.Models.Cpu;

/// <summary>A weight [rows, columns] of float32, row-major, or a vector (one row), and where its gradient lies among those of all that is trained; −1: it is frozen.</summary>
internal sealed unsafe class Weight(float* data, int rows, int columns, long offset)
{
    public float* Data => data;

    public int Rows => rows;

    public int Columns => columns;

    public long Offset => offset;

    public long Count => (long)rows * columns;

    public bool Trained => Offset >= 0;
}

/// <summary>y = x·Wᵀ + b, with an adapter also + scale·x·Aᵀ·Bᵀ, and its gradients, on weights that are packed once for a step.</summary>
internal sealed unsafe class Projection(Weight weight, Weight? bias, (Weight A, Weight B)? adapter = null, float scale = 1) : IDisposable
{
    private readonly Panels main = new(weight);
    private readonly Panels? down = adapter is var (a, _) ? new(a) : null, up = adapter is var (_, b) ? new(b) : null;

    public int Inputs => weight.Columns;

    public int Outputs => weight.Rows;

    /// <summary>Takes up the weights as they are now.</summary>
    public void Pack()
    {
        main.Pack();
        down?.Pack();
        up?.Pack();
    }

    /// <summary>y (+)= the result for each row; whole panels of y are written.</summary>
    public void Forward(float* x, int xStride, int rows, float* y, int yStride, bool accumulate, Floats scratch)
    {
        if (bias is not null)
        {
            for (var r = 0; r < rows; r++)
                if (accumulate) RowKernels.Add(bias.Data, y + (long)r * yStride, Outputs);
                else RowKernels.Copy(bias.Data, 0, y + (long)r * yStride, 0, 1, Outputs);
            accumulate = true;
        }

        Products.Multiply(x, xStride, rows, main.Forward, Inputs, Outputs, y, yStride, accumulate);
        if (down is null) return;
        var inner = Inner(x, xStride, rows, scratch, out var stride);
        Products.Multiply(inner, stride, rows, up!.Forward, up.Columns, Outputs, y, yStride, accumulate: true);
    }

    /// <summary>dx (+)= dy·W.</summary>
    public void InputGradient(float* dy, int dyStride, int rows, float* dx, int dxStride, bool accumulate, Floats scratch)
    {
        Products.Multiply(dy, dyStride, rows, main.Backward, Outputs, Inputs, dx, dxStride, accumulate);
        if (down is null) return;
        var inner = InnerGradient(dy, dyStride, rows, scratch, out var stride);
        Products.Multiply(inner, stride, rows, down.Backward, down.Rows, Inputs, dx, dxStride, accumulate: true);
    }

    /// <summary>Adds what the weights' gradients gain.</summary>
    public void WeightGradient(float* x, int xStride, float* dy, int dyStride, int rows, float* gradients, Floats scratch)
    {
        if (weight.Trained) Products.AddOuter(dy, dyStride, Outputs, x, xStride, Inputs, rows, gradients + weight.Offset, Inputs);
        if (bias is { Trained: true })
            for (var r = 0; r < rows; r++) RowKernels.Add(dy + (long)r * dyStride, gradients + bias.Offset, Outputs);
        if (adapter is not var (a, b)) return;
        var inner = Inner(x, xStride, rows, scratch, out var stride);
        Products.AddOuter(dy, dyStride, Outputs, inner, stride, b.Columns, rows, gradients + b.Offset, b.Columns);
        inner = InnerGradient(dy, dyStride, rows, scratch, out stride);
        Products.AddOuter(inner, stride, a.Rows, x, xStride, Inputs, rows, gradients + a.Offset, Inputs);
    }

    /// <summary>w [outputs, inputs] += scale·B·A with A [rank, inputs] and B [outputs, rank].</summary>
    public static void Merge(float* w, float* a, float* b, int outputs, int rank, int inputs, float scale)
    {
        for (var o = 0; o < outputs; o++)
            for (var r = 0; r < rank; r++) RowKernels.Add(a + (long)r * inputs, w + (long)o * inputs, inputs, scale * b[(long)o * rank + r]);
    }

    /// <summary>scale·x·Aᵀ.</summary>
    private float* Inner(float* x, int xStride, int rows, Floats scratch, out int stride)
    {
        stride = Products.Padded(down!.Rows);
        var inner = scratch.Grow((long)rows * stride);
        Products.Multiply(x, xStride, rows, down.Forward, Inputs, down.Rows, inner, stride);
        Scale(inner, (long)rows * stride);
        return inner;
    }

    /// <summary>scale·dy·B.</summary>
    private float* InnerGradient(float* dy, int dyStride, int rows, Floats scratch, out int stride)
    {
        stride = Products.Padded(up!.Columns);
        var inner = scratch.Grow((long)rows * stride);
        Products.Multiply(dy, dyStride, rows, up.Backward, Outputs, up.Columns, inner, stride);
        Scale(inner, (long)rows * stride);
        return inner;
    }

    private void Scale(float* x, long n)
    {
        for (var i = 0L; i < n; i++) x[i] *= scale;
    }

    public void Dispose()
    {
        main.Dispose();
        down?.Dispose();
        up?.Dispose();
    }

    /// <summary>One weight packed for x·Wᵀ and for dy·W; a frozen one once and for all.</summary>
    private sealed class Panels(Weight weight) : IDisposable
    {
        private readonly Floats forward = new(), backward = new();
        private bool packed;

        public int Rows => weight.Rows;

        public int Columns => weight.Columns;

        public float* Forward => forward.Data;

        public float* Backward => backward.Data;

        public void Pack()
        {
            if (packed && !weight.Trained) return;
            Products.PackTransposed(weight.Data, Columns, Rows, Columns, forward.Grow((long)Products.Padded(Rows) * Columns));
            Products.Pack(weight.Data, Columns, Rows, Columns, backward.Grow((long)Products.Padded(Columns) * Rows));
            packed = true;
        }

        public void Dispose()
        {
            forward.Dispose();
            backward.Dispose();
        }
    }
}

/// <summary>A norm's weight, of which 1 + w is what multiplies in some families.</summary>
internal sealed unsafe class Norm(Weight weight, float eps, bool plusOne) : IDisposable
{
    private readonly Floats factors = new(weight.Columns);

    private int Size => weight.Columns;

    public void Pack()
    {
        for (var i = 0; i < Size; i++) factors.Data[i] = weight.Data[i] + (plusOne ? 1 : 0);
    }

    /// <summary>Rows of y are those of x, normalised; their scales are kept for the gradient.</summary>
    public void Forward(float* x, int xStride, int rows, float* y, int yStride, float* scales) => RowKernels.RmsNorm(x, xStride, rows, Size, factors.Data, eps, y, yStride, scales);

    /// <summary>dx (+)= the gradient of the norm's input, and the weight's is added to.</summary>
    public void Gradient(float* dy, int dyStride, float* x, int xStride, int rows, float* scales, float* dx, int dxStride, bool accumulate, float* gradients) => RowKernels.RmsNormGradient(
        dy, dyStride, x, xStride, rows, Size, factors.Data, scales, dx, dxStride, accumulate, weight.Trained ? gradients + weight.Offset : null);

    public void Dispose() => factors.Dispose();
}
