using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Pav.Models.Files.TensorBoard;

/// <summary>
/// An event file as TensorBoard reads it: TFRecords (length, masked CRC-32C of the length, data, masked CRC-32C of the data) of serialised
/// <c>tensorflow.Event</c> messages. Whole records reach the operating system at once; TensorBoard reads up to a torn last one.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private readonly FileStream stream;
    private readonly Func<double> now;

    private EventFile(FileStream stream, Func<double> now) => (this.stream, this.now) = (stream, now);

    /// <summary>
    /// A new file in a folder, named after all that are there, since TensorBoard reads them in the order of their names, whatever the clock
    /// says. Events that earlier files hold from
    /// <paramref name="step"/> on are dropped by TensorBoard: a resumed run writes them again.
    /// </summary>
    public static EventFile Create(string folder, long step)
    {
        EventFile? file = null;
        Disk.Guard(folder, () =>
        {
            Directory.CreateDirectory(folder);
            var milliseconds = Directory.GetFiles(folder, "events.out.tfevents.*.pav").Select(Milliseconds).Select(m => m + 1)
                .Append(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).Max();
            var path = Path.Combine(folder, $"events.out.tfevents.{milliseconds / 1000}.{milliseconds % 1000:000}.pav");
            file = new(new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0), () =>
                DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
        });
        file!.Record(Event.Version(file.now()));
        file.Record(Event.Start(file.now(), step));
        return file;
    }

    /// <summary>When a file was made, by its name; 0 where it is not one of ours.</summary>
    private static long Milliseconds(string path) => Path.GetFileName(path).Split('.') is [_, _, _, var seconds, var rest, _]
        && long.TryParse(seconds, out var s) && long.TryParse(rest, out var ms) ? 1000 * s + ms : 0;

    public void Write(long step, IEnumerable<(string Name, double Value)> scalars) => Record(Event.Scalars(now(), step, scalars));

    private void Record(byte[] data) => Disk.Guard(stream.Name, () => stream.Write(TfRecord.Frame(data)));

    public void Dispose() => stream.Dispose();
}

/// <summary>TensorFlow's framing of records.</summary>
internal static class TfRecord
{
    public static byte[] Frame(ReadOnlySpan<byte> data)
    {
        var record = new byte[8 + 4 + data.Length + 4];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Masked(data));
        return record;
    }

    /// <summary>CRC-32C (Castagnoli). Worked: of the ASCII digits 123456789 it is E3069283.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    private static uint Masked(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Crc32C(data), 15) + 0xA282EAD8;
}

/// <summary>
/// The messages of tensorflow/core/util/event.proto that scalars need: Event {1 wall_time double, 2 step int64, 3 file_version string, 5
/// summary, 7 session_log},
/// Summary {1 value: {1 tag string, 2 simple_value float}}, SessionLog {1 status: START = 1}.
/// </summary>
internal static class Event
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    public static byte[] Version(double time) => Message(time, 0, m => Text(m, 3, "brain.Event:2"));

    public static byte[] Start(double time, long step) => Message(time, step, m => Nested(m, 7, log => Number(log, 1, 1)));

    public static byte[] Scalars(double time, long step, IEnumerable<(string Name, double Value)> scalars) =>
        Message(time, step, m => Nested(m, 5, summary =>
    {
        foreach (var (name, value) in scalars)
            Nested(summary, 1, entry =>
            {
                Text(entry, 1, name);
                Tag(entry, 2, Fixed32);
                entry.Write((float)value);
            });
    }));

    private static byte[] Message(double time, long step, Action<BinaryWriter> rest)
    {
        using var bytes = new MemoryStream();
        using var message = new BinaryWriter(bytes);
        Tag(message, 1, Fixed64);
        message.Write(time);
        if (step != 0) Number(message, 2, step);
        rest(message);
        message.Flush();
        return bytes.ToArray();
    }

    private static void Nested(BinaryWriter into, int field, Action<BinaryWriter> fill)
    {
        using var bytes = new MemoryStream();
        using var inner = new BinaryWriter(bytes);
        fill(inner);
        inner.Flush();
        Tag(into, field, Bytes);
        into.Write7BitEncodedInt64(bytes.Length);
        into.Write(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void Text(BinaryWriter into, int field, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Tag(into, field, Bytes);
        into.Write7BitEncodedInt64(bytes.Length);
        into.Write(bytes);
    }

    private static void Number(BinaryWriter into, int field, long value)
    {
        Tag(into, field, Varint);
        into.Write7BitEncodedInt64(value);
    }

    private static void Tag(BinaryWriter into, int field, int kind) => into.Write7BitEncodedInt(field << 3 | kind);
}
