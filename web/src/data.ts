// What `pav report` embeds in the page: the fields of docs/run-folder.md, gathered over the run folders. Everything may be missing.

export interface Report {
  title: string
  made: string
  runs: Run[]
  results: Result[]
  verifiers: Verifier[]
  labels: LabelSet[]
  curves: Curve[]
  trees: TreeSet | null
  /** results.json of a `pav reproduce` folder. */
  figures: FigureSummary[]
  didactic: Didactic[]
  rl?: RlData | null
  provers: ProverReport[]
  theory: TheoryResult[]
}

export interface Run {
  path: string
  command: string
  options: Record<string, unknown> | null
  /** A text where it is above 2^53, which numbers cannot hold. */
  seed: number | string | null
  started: string | null
  finished: string | null
  versions: Record<string, string> | null
  inputs: { path: string; sha256: string | null }[] | null
  seconds: number | null
  peak_memory_mb: number | null
}

/** One summary.json. */
export interface Result {
  path: string
  methods: MethodRow[]
  comparisons: Comparison[]
  base: { sample?: number | null; greedy?: number | null; pass_64?: number | null } | null
  settings: Record<string, unknown> | null
  seconds: number | null
  peak_memory_mb: number | null
}

export interface MethodRow {
  method: string
  n: number
  alpha: number | null
  prover: string | null
  problems: number | null
  seeds: number | null
  accuracy: number
  low: number | null
  high: number | null
  pass: number | null
  generated_tokens: number
  scored_tokens: number
  seconds: number | null
}

/**
 * `equal-tokens`: the difference is accuracy of a minus that of b at a's tokens. `tokens-to-reach` and `tokens-to-reach-peak`: it is the
 * ratio of the fewest tokens with which b reaches the accuracy of its largest N (or its peak) to the fewest with which a does; 0 where a
 * never gets there.
 */
export interface Comparison {
  claim: string
  a: string
  b: string
  difference: number | null
  low: number | null
  high: number | null
  tokens_a: number | null
  tokens_b: number | null
}

export interface Verifier {
  name: string
  kind: string | null
  auc_within: number | null
  auc_within_low: number | null
  auc_within_high: number | null
  auc_pooled: number | null
  brier: number | null
  ece: number | null
  rank_within_state: number | null
  correlation: number | null
  reliability: { predicted: number; observed: number; count: number }[]
}

export interface LabelSet {
  path: string
  policy: string | null
  strategy: string | null
  grader: string | null
  problems: number
  traces: number
  correct_traces: number
  prefixes: number
  completions: number
  /** Every stride-th line was read. */
  stride: number
  histogram: { low: number; high: number; count: number }[]
  by_step: { step: number; mean: number; count: number }[]
}

export interface Curve {
  path: string
  command: string
  /** Thinned: each training point is the mean over a bucket of logged steps; evaluations are kept whole. */
  points: Record<string, number>[]
  evaluations: Record<string, number>[]
}

export interface TreeSet {
  total: number
  trees: Tree[]
}

export interface Tree {
  problem: string
  text: string
  answer: string
  method: string
  n: number
  alpha: number | null
  prover: string | null
  correct: number
  nodes: TreeNode[]
}

export type Fate = 'root' | 'kept' | 'pruned' | 'duplicate' | 'finished' | 'chosen'

export interface TreeNode {
  id: number
  parent: number
  step: string
  q: number | null
  q_mu: number | null
  a: number | null
  score: number | null
  fate: Fate
  rex: number | null
}

/** One didactic.json. */
export interface Didactic {
  path: string
  summary: {
    length: number
    gamma: number
    iterations: number
    batch: number
    curves: DidacticCurve[]
    speeds: SpeedRow[]
    strengths: StrengthRow[]
    passes: PassCurve[]
    tabular: TabularRow[]
    findings: string[]
    iterations_per_second: number
  }
}

export interface DidacticCurve { length: number; reward: string; seeds: number; points: { iteration: number; median: number; low: number; high: number }[] }

/** Iterations over seeds: how many got there; null where the first, the median or the last never did. */
export interface Reach { reached: number; first: number | null; median: number | null; last: number | null }

export interface SpeedRow { length: number; reward: string; seeds: number; cap: number; start: number; final: number; to50: Reach; to99: Reach; to100: Reach }

export interface StrengthRow { method: string; rollouts: number; gamma: number; seeds: number; mean: number; low: number; high: number; solved: number }

export interface PassCurve { length: number; reward: string; sequences: number; points: { n: number; pass: number; low: number; high: number }[] }

/** `gamma` null: outcome reward only. `steps` null: not within `cap` updates. */
export interface TabularRow { length: number; reward: string; gamma: number | null; method: string; rate: number; steps: number | null; cap: number }

export interface RlData {
  groups: RlGroup[]
  comparisons: RlComparison[]
  /** Pass@N of the policy that RL started from. */
  start: PassBand[]
}

/** RL runs of equal settings but for the seed. */
export interface RlGroup {
  name: string
  reward: string
  seeds: (number | string)[]
  valid: { seed: number | string; points: { iteration: number; tokens: number; all_tokens: number; accuracy: number }[] }[]
  batches: Record<string, number>[]
  pass: PassBand[]
  hard: PassBand[]
  /** Share of these that a beam of n on Q answers. */
  hard_beam: PassBand[]
  hard_problems: number
  unsolved_by: number
  majority: number | null
  levels: { level: number; sample: number }[]
}

export interface PassBand { n: number; mean: number; low: number; high: number }

export interface SeedInterval { value: number; low: number | null; high: number | null }

/** Ratios: how many times fewer a needs for the last accuracy of b; absent where it never gets there. */
export interface RlComparison {
  a: string
  b: string
  seeds: number
  difference: SeedInterval
  reached: number
  iterations: SeedInterval | null
  tokens: SeedInterval | null
  all_tokens: SeedInterval | null
  /** All tokens and those of the labels that the verifier learned from; absent where these are not known. */
  labelled_tokens: SeedInterval | null
  /** Seeds on which b ends no higher than a begins: they have no ratio. */
  from_start: number
}

/** A value with its 95% interval; null where the labels do not allow it. */
export interface Measured { value: number | null; low: number | null; high: number | null }

/** One provers.json. */
export interface ProverReport {
  policy: string
  problems: number
  states: number
  steps: number
  shared_rounds: number
  n_mc: number
  rollouts: number
  alpha: number
  provers: { name: string; k: number; policy: string | null; predictors: Record<string, Measured> }[]
  advice: { for: string; by: string; prover: string; decided: boolean; reason: string; more_rollouts: number | null }[]
  search: {
    n: number
    alpha: number
    problems: number
    provers: { name: string; accuracy: number; low: number; high: number }[]
    predictors: { predictor: string; provers: number; spearman: Measured }[]
  } | null
}

export interface TheoryResult { name: string; claim: string; verdict: string; found: string }

/** One figure of the paper: curves, numbers beside the paper's, and the sentence that a rule chose. */
export interface FigureSummary {
  figure: string
  title: string
  asks: string
  verdict: 'reproduced' | 'partly' | 'not_reproduced' | 'measured' | 'not_run'
  sentence: string
  rule: string
  /** What bands and intervals are. */
  intervals?: string
  panels: FigurePanel[]
  findings: Finding[]
  notes: string[]
  size: { scale: string; models: string[]; problems: number; seeds: number; tokens: number; seconds: number }
}

export interface FigurePanel { title: string; x: string; y: string; log_x: boolean; percent: boolean; lines: FigureLine[] }

export interface FigureLine { name: string; kind: string; points: FigurePoint[]; seeds: { seed: number; points: FigurePoint[] }[] }

export interface FigurePoint { x: number; y: number; low?: number | null; high?: number | null; n?: number | null }

export interface Finding { what: string; value?: number | null; low?: number | null; high?: number | null; unit: string; paper?: string | null }
