using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using static Pav.Torch.Native;

namespace Pav.Torch;

/// <summary>One argument of an operator: a tensor, a number, a list, a dtype, a device, a string or none.</summary>
internal readonly struct Arg
{
    internal readonly Tag Tag;
    internal readonly long Bits;
    internal readonly object? Reference;

    private Arg(Tag tag, long bits, object? reference = null) => (Tag, Bits, Reference) = (tag, bits, reference);

    public static Arg None => default;

    public static implicit operator Arg(Tensor? value) => value is null ? None : new(Tag.Tensor, 0, value);
    public static implicit operator Arg(int value) => new(Tag.Int, value);
    public static implicit operator Arg(long value) => new(Tag.Int, value);
    public static implicit operator Arg(long? value) => value is { } v ? v : None;
    public static implicit operator Arg(double value) => new(Tag.Double, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Arg(double? value) => value is { } v ? v : None;
    public static implicit operator Arg(bool value) => new(Tag.Bool, value ? 1 : 0);
    public static implicit operator Arg(long[]? value) => value is null ? None : new(Tag.IntList, 0, value);
    public static implicit operator Arg(double[]? value) => value is null ? None : new(Tag.DoubleList, 0, value);
    public static implicit operator Arg(Tensor[] value) => new(Tag.TensorList, 0, value);
    public static implicit operator Arg(string? value) => value is null ? None : new(Tag.String, 0, value);
    public static implicit operator Arg(ScalarType value) => new(Tag.Int, (int)value);
    public static implicit operator Arg(ScalarType? value) => value is { } v ? v : None;
    public static implicit operator Arg(Device value) => new(Tag.Device, ((long)value.Type << 32) | (uint)value.Index);
    public static implicit operator Arg(Device? value) => value is { } v ? v : None;
    public static implicit operator Arg(Scalar value) => value.Arg;

    /// <summary>8-byte words that the argument needs besides itself.</summary>
    internal int Words => Reference switch
    {
        long[] list => list.Length,
        double[] list => list.Length,
        Tensor?[] list => list.Length,
        string text => (Encoding.UTF8.GetByteCount(text) + 7) / 8,
        _ => 0,
    };

    internal unsafe Value Pack(long* words)
    {
        var value = new Value { Tag = Tag, Int = Bits };
        switch (Tag)
        {
            case Tag.Tensor:
                value.Pointer = Unsafe.As<Tensor>(Reference!).Handle;
                break;
            case Tag.Device:
                (value.Int, value.Count) = (Bits >> 32, (int)Bits);
                break;
            case Tag.IntList:
                var ints = Unsafe.As<long[]>(Reference!);
                ints.CopyTo(new Span<long>(words, ints.Length));
                (value.Pointer, value.Count) = ((nint)words, ints.Length);
                break;
            case Tag.DoubleList:
                var doubles = Unsafe.As<double[]>(Reference!);
                doubles.CopyTo(new Span<double>(words, doubles.Length));
                (value.Pointer, value.Count) = ((nint)words, doubles.Length);
                break;
            case Tag.TensorList:
                var tensors = Unsafe.As<Tensor?[]>(Reference!);
                for (var i = 0; i < tensors.Length; i++) words[i] = tensors[i]?.Handle ?? 0;
                if (tensors.Contains(null)) throw new TorchException("a list of tensors holds a null");
                (value.Pointer, value.Count) = ((nint)words, tensors.Length);
                break;
            case Tag.String:
                var text = Unsafe.As<string>(Reference!);
                value.Count = Encoding.UTF8.GetBytes(text, new Span<byte>(words, Words * 8));
                value.Pointer = (nint)words;
                break;
        }
        return value;
    }

    public override string ToString() => Tag switch
    {
        Tag.None => "none",
        Tag.Tensor => ((Tensor)Reference!).Describe(),
        Tag.Double => BitConverter.Int64BitsToDouble(Bits).ToString("R"),
        Tag.Bool => Bits != 0 ? "true" : "false",
        Tag.IntList => $"[{string.Join(", ", (long[])Reference!)}]",
        Tag.DoubleList => $"[{string.Join(", ", (double[])Reference!)}]",
        Tag.TensorList => $"({string.Join("; ", ((Tensor?[])Reference!).Select(t => t?.Describe() ?? "none"))})",
        Tag.String => $"\"{Reference}\"",
        Tag.Device => new Device((int)(Bits >> 32), (int)Bits).ToString(),
        _ => Bits.ToString(),
    };
}

/// <summary>
/// Calls any ATen operator by its schema name, with autograd. "add.Tensor" is aten::add, overload Tensor; trailing arguments
/// that are left out take the schema's defaults. A failure throws a <see cref="TorchException"/> that names the operation and
/// its operands.
/// </summary>
internal static unsafe class Operator
{
    private const int StackWords = 256;
    private static readonly ConcurrentDictionary<string, nint> Known = new();

    /// <summary>An operator with one tensor as its result.</summary>
    public static Tensor call(string name, params ReadOnlySpan<Arg> args)
    {
        Value result;
        Invoke(name, args, &result, 1);
        return new Tensor(result.Pointer);
    }

    /// <summary>An operator that works in place (or whose result nobody wants).</summary>
    public static void call_(string name, params ReadOnlySpan<Arg> args) => Invoke(name, args, null, 0);

    public static (Tensor, Tensor) call2(string name, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc Value[2];
        Invoke(name, args, results, 2);
        return (new Tensor(results[0].Pointer), new Tensor(results[1].Pointer));
    }

    /// <summary>An operator with at most <paramref name="capacity"/> tensors as its result, a list among them counted by its
    /// elements.</summary>
    public static Tensor[] callMany(string name, int capacity, params ReadOnlySpan<Arg> args)
    {
        var results = new Value[capacity];
        int count;
        fixed (Value* first = results) count = Invoke(name, args, first, capacity);
        return Array.ConvertAll(results[..count], value => new Tensor(value.Pointer));
    }

    /// <summary>An operator whose result is a boolean.</summary>
    public static bool callBool(string name, params ReadOnlySpan<Arg> args)
    {
        Value result;
        Invoke(name, args, &result, 1);
        return result.Int != 0;
    }

    /// <summary>Does this libtorch have the operator?</summary>
    public static bool exists(string name) => Known.GetOrAdd(name, Look) != 0;

    private static int Invoke(string name, ReadOnlySpan<Arg> args, Value* results, int capacity)
    {
        var op = Known.TryGetValue(name, out var known) && known != 0 ? known : Find(name);
        var words = 0;
        foreach (ref readonly var arg in args)
            if (arg.Tag >= Tag.IntList) words += arg.Words;
        var onStack = stackalloc long[Math.Min(words, StackWords)];
        var onHeap = words > StackWords ? new long[words] : null;
        fixed (long* pinned = onHeap)
        {
            var cell = pinned != null ? pinned : onStack;
            var packed = stackalloc Value[args.Length];
            for (var i = 0; i < args.Length; i++)
            {
                packed[i] = args[i].Pack(cell);
                if (args[i].Tag >= Tag.IntList) cell += args[i].Words;
            }
            int count;
            if (pav_call(op, packed, args.Length, results, capacity, &count) != 0) throw Failure(name, args);
            return count;
        }
    }

    private static nint Find(string name) => Known.GetOrAdd(name, Look) is not 0 and var op
        ? op : throw new TorchException($"this libtorch ({torch.version}) has no operator {(name.Contains("::") ? "" : "aten::")}{name}");

    /// <summary>0 where there is none.</summary>
    private static nint Look(string name)
    {
        var space = name.Contains("::") ? "" : "aten::";
        var dot = name.IndexOf('.');
        return dot < 0 ? pav_find(space + name, "") : pav_find(space + name[..dot], name[(dot + 1)..]);
    }

    private static TorchException Failure(string name, ReadOnlySpan<Arg> args)
    {
        var message = LastError();
        var operands = new List<string>();
        foreach (var arg in args) operands.Add(arg.ToString());
        return new TorchException($"{name}({string.Join(", ", operands)}): {message}");
    }
}
