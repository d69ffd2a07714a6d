using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Pav.Cli.Installation;
using Pav.Report.Folders;

namespace Pav.Cli.Tests.Report;

public class PageTypesTests
{
    private enum Way { ToTheLeft }

    private sealed record Inner(double? X, Way Way, ulong Seed);

    private sealed record Outer(string Name, string? Note, Inner? One, IReadOnlyList<Inner> Many,
        IReadOnlyDictionary<string, double> ByName, JsonElement? Options, int[] NMc, IReadOnlyList<double?> Gaps,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Rare)
    {
        public int Derived => NMc.Length;
    }

    [Fact]
    public void Records_become_interfaces_as_they_are_serialised()
    {
        var text = PageTypes.From(typeof(Outer));
        Assert.EndsWith("""

            export type Way = 'to_the_left'

            export interface Outer {
              name: string
              note: string | null
              one: Inner | null
              many: Inner[]
              by_name: Record<string, number>
              options: Settings | null
              n_mc: number[]
              gaps: (number | null)[]
              rare?: string | null
            }

            export interface Inner {
              x: number | null
              way: Way
              seed: Seed
            }

            """, text);
    }

    [Fact]
    public void The_page_has_the_types_of_the_records()
    {
        var file = Home.Find(Path.Combine("web", "src", "data.ts"))!;
        var types = PageTypes.From(typeof(ReportData));
        if (Environment.GetEnvironmentVariable("PAV_WRITE_TYPES") == "1") File.WriteAllText(file, types);
        Assert.Equal(types, File.ReadAllText(file));
    }

    /// <summary>What a method is called, and how it is drawn, comes with the data: the page's source names none. Kinds and plain words may
    /// be there.</summary>
    [Fact]
    public void The_page_names_no_method()
    {
        var folder = Home.Find(Path.Combine("web", "src"))!;
        var source = string.Concat(Directory.GetFiles(folder).Where(f => Path.GetExtension(f) is ".ts" or ".css").Select(File.ReadAllText));
        var words = Enum.GetValues<MethodKind>().Select(k => k.ToString().ToLowerInvariant()).ToHashSet();
        var ids = SearchMethods.All.Select(m => m.Id).Where(id => !words.Contains(id)).ToList();
        Assert.DoesNotContain(ids, id => id.Contains('-')
            ? Regex.IsMatch(source, $@"(?<![\w-]){Regex.Escape(id)}(?![\w-])") : source.Contains($"'{id}'") || source.Contains($"-{id}"));
    }

    [Fact]
    public void A_method_is_called_what_its_row_says_else_what_this_version_knows_else_its_id()
    {
        MethodSummary Row(string method, string label = "", MethodKind? kind = null) =>
            new()
            {
                Method = method, N = 1, Problems = 1, Seeds = 1, Accuracy = 0.5, Low = 0.4, High = 0.6, Pass = 0.5,
                GeneratedTokens = 50, ScoredTokens = 0, Seconds = 1, Label = label, Kind = kind,
            };
        var entries =
            MethodEntry.From([Row("new-beam", "New beam", MethodKind.Beam), Row("older"), Row("beam-pav"), Row("greedy", "Renamed")],
            ["beam-q+majority"]);
        Assert.Equal(["greedy", "beam-pav", "new-beam", "older", "beam-q+majority"], entries.Select(e => e.Id));
        Assert.Equal(["Renamed", SearchMethods.BeamByProgress.Label, "New beam", "older",
            SearchMethods.BeamByQ.With(FinalChoice.Majority).Label], entries.Select(e => e.Label));
        var beams = SearchMethods.All.Count(m => m.Kind == MethodKind.Beam);
        Assert.Equal([(MethodKind.Sampling, 1), (MethodKind.Beam, 1), (MethodKind.Beam, beams), (null, 0), (MethodKind.Beam, beams + 1)],
            entries.Select(e => (e.Kind, e.Place)));
    }
}
