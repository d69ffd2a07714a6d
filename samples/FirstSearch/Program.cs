using Pav;

// With Adder.cs all of it: a policy, labels of its steps, a beam that shows what it does, and the tree that it leaves.
var problem = new Problem("sum", "17 + 26 + 38 + 9", "90");
var policy = new Adder();

Console.WriteLine("Labels: of 8 completions from the end of each step, so many are right");
await foreach (var trace in Labelling.Run(policy, Grader.Numeric, [problem], new() { NCov = 5, NMc = 8 }))
    Console.WriteLine($"  {string.Join(" | ", trace.Steps.Select((step, h) => $"{step.Trim()} ({trace.C[h + 1]}/{trace.N[h + 1]})"))}");

// In place of a trained verifier: Q by 16 completions, and the prover "best of 4" from the same counts.
var oracle = new MonteCarloVerifier(policy, Grader.Numeric, n: 16, new Sampling(), seed: 2);
var tools = new SearchTools(policy, Grader.Numeric, oracle)
{
    Watch = news => { if (news.Change == StepChange.Scored) Console.WriteLine($"  {news.Node.Prefix.Step.Trim()}: Q {news.Node.Q:0.00}"); },
};
var options = new SearchOptions { Candidates = 3, Alpha = 0.5, Prover = Prover.By(oracle.BestOf(4)) };

Console.WriteLine("A beam of 2 on Q + αA:");
var (row, tree, _) = (await SearchBatch.Run([problem], SearchMethods.BeamByProgress, 2, tools, options, trees: true)).Single();
Console.WriteLine($"Its answer: {row.Answer}, {row.GeneratedTokens} tokens drawn");
Print(tree!.Nodes[0], "");

void Print(TreeNode node, string indent)
{
    if (node.Parent >= 0) Console.WriteLine($"{indent}{node.Step.Trim()}  Q {node.Q:0.00}  A {node.A:+0.00;-0.00;0.00}  {node.Fate}");
    foreach (var child in tree.Nodes.Where(n => n.Parent == node.Id && n.Fate != Fate.Duplicate)) Print(child, indent + "  ");
}
