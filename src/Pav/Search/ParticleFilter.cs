namespace Pav;

/// <summary>
/// A particle filter over steps (arXiv 2502.01618): n particles take one sampled step each, are weighed and resampled, until all are
/// finished; finished ones stay where they are. Absolute weights are exp(reward / T) of the last step, resampled at every step. Incremental
/// weights are a filter's proper ones: A is the change of Q, so a particle's weight is multiplied by exp(A / T) of each step, and particles
/// are resampled when their effective number falls below half.
/// </summary>
public sealed record ParticleFilter : SizedSearch
{
    public bool Incremental { get; init; }

    /// <summary>T, in units of reward.</summary>
    public double Temperature { get; init; } = 0.1;

    public override bool SamplesCandidates => false;

    protected override async Task<Found> Run(SearchSite site, int n)
    {
        var tree = site.Tree("particles");
        var particles = Enumerable.Repeat(tree.Root, n).ToArray();
        var logs = new double[n];
        for (var depth = 0; Array.Exists(particles, tree.IsOpen); depth++)
        {
            var moving = Enumerable.Range(0, n).Where(i => tree.IsOpen(particles[i])).ToList();
            var steps = await tree.Grow(moving.Select(i => (particles[i], 1)), ByProgress);
            foreach (var (i, step) in moving.Zip(steps))
            {
                particles[i] = step;
                step.Fate = Fate.Pruned;
                logs[i] += step.A / Temperature;
            }

            if (!Incremental) logs = [.. particles.Select(p => p.Reward / Temperature)];
            var weights = Softmax.From(logs);
            if (!Incremental || Resampling.EffectiveSize(weights) < n / 2.0)
            {
                var taken = Resampling.Systematic(weights,
                    Seeds.Uniform(Seeds.Derive(site.Options.Seed, site.Problem.Id, "resample", depth), 0));
                particles = [.. taken.Select(i => particles[i])];
                logs = new double[n];
            }

            foreach (var particle in particles) tree.Keep(particle);
        }

        return Found.In(tree, n, particles);
    }
}
