using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Pav.Models.Files;

namespace Pav.Report.Folders;

/// <summary>Writes the report: the page that web/ builds, with the data of run folders in it. One file, nothing fetched.</summary>
internal static class ReportWriter
{
    private const string PageName = "report.html";

    private const string Opening = "<script type=\"application/json\" id=\"data\">", Closing = "</script>";

    /// <summary>&lt;, &gt; and &amp; are escaped, so no text from a run folder can end the element that holds it.</summary>
    private static readonly JsonSerializerOptions Embedded = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
        Converters =
        {
            new FiniteOrNull(), new ExactSeed(), new ExactElement(), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower),
        },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { WriteNulls } },
    };

    /// <summary>What files leave out the page has as null.</summary>
    private static void WriteNulls(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.ShouldSerialize is not null)) property.ShouldSerialize = (_, _) => true;
    }

    /// <summary>Reads the folders and all below them, and writes the page (to <c>report.html</c> in the first folder, if no other place is
    /// given). Returns its full path.</summary>
    public static string Write(
        IReadOnlyList<string> folders, DateTimeOffset now, Func<string, RunRow, RlAsked> asked, string? output = null) =>
        Write(RunFolders.Read(folders, now, asked), folders[0], output);

    /// <inheritdoc cref="Write(IReadOnlyList{string}, DateTimeOffset, Func{string, RunRow, RlAsked}, string?)"/>
    public static string Write(ReportData data, string folder, string? output = null)
    {
        var path = Path.GetFullPath(output ?? Path.Combine(folder, "report.html"));
        AtomicFile.WriteText(path, Fill(Template(), data));
        return path;
    }

    /// <summary>Was the page built into this program?</summary>
    public static bool HasPage => typeof(ReportWriter).Assembly.GetManifestResourceInfo(PageName) is not null;

    internal static string Fill(string template, ReportData data)
    {
        var start = template.IndexOf(Opening, StringComparison.Ordinal) + Opening.Length;
        var end = template.IndexOf(Closing, start, StringComparison.Ordinal);
        return new StringBuilder().Append(template, 0, start).Append(JsonSerializer.Serialize(data, Embedded))
            .Append(template, end, template.Length - end).ToString();
    }

    private static string Template()
    {
        using var stream = typeof(ReportWriter).Assembly.GetManifestResourceStream(PageName)
            ?? throw new UserError("the report's page is not built into this program; run ./pav once to build the web part");
        return new StreamReader(stream).ReadToEnd();
    }

    /// <summary>A page's numbers are exact up to this; a larger integer, such as a seed, goes as text.</summary>
    private const ulong Exact = 1UL << 53;

    private sealed class ExactSeed : JsonConverter<ulong>
    {
        public override ulong Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetUInt64();

        public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options)
        {
            if (value <= Exact) writer.WriteNumberValue(value);
            else writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Options and settings, which hold seeds too.</summary>
    private sealed class ExactElement : JsonConverter<JsonElement>
    {
        public override JsonElement Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            JsonElement.ParseValue(ref reader);

        public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    writer.WriteStartObject();
                    foreach (var property in value.EnumerateObject())
                    {
                        writer.WritePropertyName(property.Name);
                        Write(writer, property.Value, options);
                    }
                    writer.WriteEndObject();
                    break;
                case JsonValueKind.Array:
                    writer.WriteStartArray();
                    foreach (var item in value.EnumerateArray()) Write(writer, item, options);
                    writer.WriteEndArray();
                    break;
                case JsonValueKind.Number when IsLong(value):
                    writer.WriteStringValue(value.GetRawText());
                    break;
                default:
                    value.WriteTo(writer);
                    break;
            }
        }
    }

    private static bool IsLong(JsonElement number) =>
        number.TryGetUInt64(out var whole) ? whole > Exact
        : number.TryGetInt64(out var negative) ? negative < -(long)Exact
        : !number.GetRawText().AsSpan().ContainsAny('.', 'e', 'E');

    /// <summary>JSON has no NaN: a measure that could not be computed is absent.</summary>
    private sealed class FiniteOrNull : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value)) writer.WriteNumberValue(value);
            else writer.WriteNullValue();
        }
    }
}
