using Pav.Double;
using Pav.Models.Decoders;
using Pav.Models.Remote;
using Pav.Models.Tests.Models;

namespace Pav.Models.Tests.Remote;

/// <summary>The toy model behind doubles, and in this process with the seeds that a server is sent.</summary>
public sealed class Remotes : IDisposable
{
    private readonly DecoderModel model = Toy.Model();

    public Remotes()
    {
        Generator = new(new("served", model, Toy.Tokenizer, new("{problem}")), Toy.Tokenizer);
        Local = new("toy", model, Toy.Tokenizer, Toy.Template);
    }

    public Generator Generator { get; }

    public TransformerPolicy Local { get; }

    public Task<DoubleServer> Start(DoubleOptions? options = null) => DoubleServer.Start(Generator, options);

    internal static Task<RemotePolicy> Open(IEnumerable<DoubleServer> servers, bool ids = true,
        Func<RemoteOptions, RemoteOptions>? with = null, PromptTemplate? template = null)
    {
        var options = new RemoteOptions(string.Join(",", servers.Select(s => s.Url)))
        {
            Model = "tiny", RequestTimeout = 20, GiveUp = 15,
            FirstDelay = TimeSpan.FromMilliseconds(5), FirstAside = TimeSpan.FromMilliseconds(50),
        };
        return RemotePolicy.Open(with?.Invoke(options) ?? options, template ?? Toy.Template, ids ? Toy.Tokenizer : null, Toy.Problem(0));
    }

    internal Task<RemotePolicy> Open(DoubleServer server, bool ids = true, Func<RemoteOptions, RemoteOptions>? with = null) =>
        Open([server], ids, with);

    /// <summary>The toy in this process, put another way.</summary>
    public TransformerPolicy Here(PromptTemplate template) => new("toy", model, Toy.Tokenizer, template);

    /// <summary>The same draws in this process.</summary>
    public Task<IReadOnlyList<Prefix>> Here(IReadOnlyList<Draw> draws, Until until, Sampling sampling, int bits) =>
        Local.Extend([.. draws.Select(d => d with { Seed = RemotePolicy.SeedOf(d.Seed, bits) })], until, sampling);

    public static Draw[] Draws(int problems, int each) =>
        [.. Toy.Prefixes(problems)
            .SelectMany(p => Enumerable.Range(0, each).Select(k => new Draw(p, Seeds.Derive(1, p.Problem.Id + p.Text, "remote", k))))];

    public static string Told(Prefix prefix) =>
        string.Join("|", prefix.Path().Select(p => $"{p.Step}({string.Join(",", p.Tokens)}){(p.Ended ? "." : "")}"));

    public void Dispose()
    {
        Generator.Dispose();
        Local.Dispose();
        model.Dispose();
    }
}
