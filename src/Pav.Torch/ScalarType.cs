namespace Pav.Torch;

/// <summary>Element types, with c10's numbers.</summary>
public enum ScalarType
{
    UInt8 = 0,
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    Float16 = 5,
    Float32 = 6,
    Float64 = 7,
    Bool = 11,
    BFloat16 = 15,
}

internal static class ScalarTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this ScalarType type) => type switch
    {
        ScalarType.UInt8 or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        _ => 8,
    };

    /// <summary>PyTorch's name: float32.</summary>
    public static string Name(this ScalarType type) => type.ToString().ToLowerInvariant();

    internal static ScalarType From<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? ScalarType.Float32
        : typeof(T) == typeof(double) ? ScalarType.Float64
        : typeof(T) == typeof(long) ? ScalarType.Int64
        : typeof(T) == typeof(int) ? ScalarType.Int32
        : typeof(T) == typeof(short) ? ScalarType.Int16
        : typeof(T) == typeof(sbyte) ? ScalarType.Int8
        : typeof(T) == typeof(byte) ? ScalarType.UInt8
        : typeof(T) == typeof(bool) ? ScalarType.Bool
        : typeof(T) == typeof(Half) ? ScalarType.Float16
        : throw new TorchException($"no tensor holds elements of type {typeof(T).Name}");
}

/// <summary>Where a tensor lives: "cpu", "cuda", "cuda:1".</summary>
public readonly record struct Device
{
    private const int Cpu = 0, Cuda = 1;

    internal int Type { get; }
    internal int Index { get; }

    internal Device(int type, int index) => (Type, Index) = (type, type == Cpu ? -1 : index);

    public Device(string name)
    {
        if (name == "cpu") (Type, Index) = (Cpu, -1);
        else if (name == "cuda") (Type, Index) = (Cuda, 0);
        else if (name.StartsWith("cuda:", StringComparison.Ordinal) && byte.TryParse(name.AsSpan(5), out var index))
            (Type, Index) = (Cuda, index);
        else throw new TorchException($"no device is called '{name}': say cpu, cuda or cuda:1");
    }

    public bool IsCpu => Type == Cpu;
    public bool IsCuda => Type == Cuda;

    public override string ToString() => Type switch { Cpu => "cpu", Cuda => $"cuda:{Index}", _ => $"device {Type}:{Index}" };

    public static implicit operator Device(string name) => new(name);
}

/// <summary>A number that is an operand: 2 stays an integer, 2.0 a real.</summary>
internal readonly struct Scalar
{
    internal Arg Arg { get; }
    private Scalar(Arg arg) => Arg = arg;

    public static implicit operator Scalar(int value) => new(value);
    public static implicit operator Scalar(long value) => new(value);
    public static implicit operator Scalar(float value) => new((double)value);
    public static implicit operator Scalar(double value) => new(value);
    public static implicit operator Scalar(bool value) => new(value);
}
