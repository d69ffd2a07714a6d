using System.Globalization;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Searches;

/// <summary>A model's name with the method behind it: <c>pav-tiny-s:beam-q-4</c> is the policy, the method beam-q and N = 4.</summary>
/// <param name="Method">How it answers.</param>
/// <param name="N">The method's size; null: not said.</param>
internal sealed record ModelName(SearchMethod Method, int? N)
{
    /// <summary>Short names, and the methods that they stand for.</summary>
    private static readonly IReadOnlyDictionary<string, SearchMethod> Short = new Dictionary<string, SearchMethod>
    {
        ["beam"] = SearchMethods.BeamByQ, ["best-of"] = SearchMethods.BestByQ, ["vote"] = SearchMethods.WeightedVote,
    };

    /// <summary>The method of that id or short name; null where there is none.</summary>
    public static SearchMethod? Find(string id) => Short.TryGetValue(id, out var method) ? method : SearchMethods.Find(id);

    /// <summary>
    /// What <c>NAME[:METHOD[-N]]</c> stands for; a policy without a method draws one sample. An error 404 for any other name.
    /// </summary>
    public static ModelName Parse(string name, ServedModels models)
    {
        if (name == models.Name) return new(SearchMethods.Sample, 1);
        if (!name.StartsWith(models.Name + ":", StringComparison.Ordinal))
            throw Unknown($"there is no model '{name}' here; this server answers to {models.Name} and {models.Name}:METHOD");
        var rest = name[(models.Name.Length + 1)..];
        if (Find(rest) is { } whole) return new(whole, null);
        if (rest.LastIndexOf('-') is > 0 and var cut && Find(rest[..cut]) is { } method
            && int.TryParse(rest[(cut + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0) return new(method, n);
        throw Unknown($"there is no method '{rest}'; GET /v1/models lists them");

        static ApiError Unknown(string message) => ApiError.NotFound("model", message, "model_not_found");
    }

    /// <summary>A name for each method that can be run with these models.</summary>
    public static IEnumerable<string> All(ServedModels models) =>
        [models.Name, .. Short.Where(s => Lacks(s.Value, models) is null).Select(s => $"{models.Name}:{s.Key}-{Usual(s.Value)}"),
            .. SearchMethods.All.Where(m => Lacks(m, models) is null).Select(m => Full(m, models))];

    /// <summary>The name with a method's id and its usual size.</summary>
    public static string Full(SearchMethod method, ServedModels models) =>
        $"{models.Name}:{method.Id}{(method.SizeOne ? "" : $"-{Usual(method)}")}";

    /// <summary>What a method needs and this server has not, in words; null: nothing.</summary>
    public static string? Lacks(SearchMethod method, ServedModels models) =>
        method.Needs.HasFlag(Needs.Oracle) ? "Monte Carlo values, which are for experiments"
        : method.Needs.HasFlag(Needs.Validation) ? "what 'pav search' learns on validation problems"
        : method.Needs.HasFlag(Needs.HalfSteps) && models.IsRemote ? "a policy in this process, to stop within a step"
        : method.Needs.HasFlag(Needs.Outcome) && models.Outcome is null ? "an outcome verifier (--outcome)"
        : method.Needs.HasFlag(Needs.Verifier) && models.Verifier is null ? "a verifier (--verifier)" : null;

    /// <summary>The size of a method where none is named.</summary>
    public static int Usual(SearchMethod method) => method.SizeOne ? 1 : method.Search.SamplesCandidates ? 4 : 16;
}
