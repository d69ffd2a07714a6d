// What `pav report` embeds in the page. Written from the C# records by PageTypesTests, do not edit:
// PAV_WRITE_TYPES=1 dotnet test tests/Pav.Cli.Tests --filter PageTypes

/** Text where a number would lose digits (above 2^53). */
export type Seed = number | string

/** Options and settings as their files have them. */
export type Settings = Record<string, unknown>

export type Fate = 'root' | 'kept' | 'pruned' | 'duplicate' | 'finished' | 'chosen'

export type FigureVerdict = 'reproduced' | 'partly' | 'not_reproduced' | 'measured' | 'not_run'

export type GradientMethod = 'adam' | 'sgd'

export type MethodKind = 'sampling' | 'ranking' | 'beam' | 'tree' | 'particles' | 'forest' | 'oracle'

export type StepReward = 'outcome' | 'a_mu' | 'a_mu_all_actions' | 'q_mu' | 'a_pi' | 'a_mu_to_go' | 'q_mu_to_go'

export type Verdict = 'holds' | 'within_limits' | 'fails' | 'no_case'

export interface ReportData {
  title: string
  made: string
  methods: MethodEntry[]
  runs: RunRow[]
  results: ResultRow[]
  verifiers: VerifierMeasures[]
  labels: LabelStatistics[]
  curves: TrainingCurve[]
  trees: TreeSet | null
  didactic: DidacticRow[]
  provers: ProverReport[]
  theory: TheoryResult[]
  rl: RlData | null
  figures: FigureSummary[]
}

export interface MethodEntry {
  id: string
  label: string
  kind: MethodKind | null
  place: number
  compare_with: string[]
}

export interface RunRow {
  command: string
  path: string
  options: Settings | null
  seed: Seed | null
  started: string | null
  finished: string | null
  versions: Record<string, string | null> | null
  inputs: InputRow[] | null
  seconds: number | null
  peak_memory_mb: number | null
}

export interface InputRow {
  path: string
  sha256: string | null
}

export interface ResultRow {
  path: string
  methods: MethodSummary[]
  comparisons: Comparison[]
  verifiers: VerifierMeasures[]
  base: BaseSummary
  settings: Settings | null
  seconds: number | null
  peak_memory_mb: number | null
}

export interface MethodSummary {
  method: string
  n: number
  alpha?: number | null
  prover?: string | null
  problems: number
  seeds: number
  accuracy: number
  low: number
  high: number
  pass: number
  generated_tokens: number
  scored_tokens: number
  seconds: number
  label: string
  kind: MethodKind | null
  compare_with?: string[] | null
}

export interface Comparison {
  claim: string
  a: string
  b: string
  difference: number
  low: number
  high: number
  tokens_a: number | null
  tokens_b: number
}

export interface VerifierMeasures {
  name: string
  kind: string
  auc_within: number | null
  auc_within_low: number | null
  auc_within_high: number | null
  auc_pooled: number | null
  brier: number | null
  ece: number | null
  rank_within_state: number | null
  correlation: number | null
  reliability: ReliabilityPoint[]
}

export interface ReliabilityPoint {
  predicted: number
  observed: number
  count: number
}

export interface BaseSummary {
  sample: number | null
  greedy: number | null
  pass_64: number | null
}

export interface LabelStatistics {
  path: string
  policy: string | null
  strategy: string | null
  grader: string | null
  problems: number
  traces: number
  correct_traces: number
  prefixes: number
  completions: number
  stride: number
  histogram: Bin[]
  by_step: StepMean[]
}

export interface Bin {
  low: number
  high: number
  count: number
}

export interface StepMean {
  step: number
  mean: number
  count: number
}

export interface TrainingCurve {
  path: string
  command: string
  points: (Record<string, number>)[]
  evaluations: (Record<string, number>)[]
}

export interface TreeSet {
  total: number
  trees: SearchTree[]
}

export interface SearchTree {
  problem: string
  text: string
  answer: string
  method: string
  n: number
  alpha?: number | null
  prover?: string | null
  correct: number
  nodes: TreeNode[]
}

export interface TreeNode {
  id: number
  parent: number
  step: string
  q: number | null
  q_mu: number | null
  a: number | null
  score: number | null
  fate: Fate
  rex?: number | null
  visits?: number | null
  value?: number | null
  tree?: number | null
  tokens?: number[] | null
  lost: boolean
  half: boolean
}

export interface DidacticRow {
  path: string
  summary: DidacticSummary
}

export interface DidacticSummary {
  length: number
  gamma: number
  iterations: number
  batch: number
  curves: AccuracyCurve[]
  speeds: SpeedRow[]
  strengths: StrengthRow[]
  passes: PassCurve[]
  tabular: TabularRow[]
  findings: string[]
  iterations_per_second: number
}

export interface AccuracyCurve {
  length: number
  reward: StepReward
  seeds: number
  points: AccuracyPoint[]
}

export interface AccuracyPoint {
  iteration: number
  median: number
  low: number
  high: number
}

export interface SpeedRow {
  length: number
  reward: StepReward
  seeds: number
  cap: number
  start: number
  final: number
  to50: Reach
  to99: Reach
  to100: Reach
}

export interface Reach {
  reached: number
  first: number | null
  median: number | null
  last: number | null
}

export interface StrengthRow {
  method: GradientMethod
  rollouts: number
  gamma: number
  seeds: number
  mean: number
  low: number
  high: number
  solved: number
}

export interface PassCurve {
  length: number
  reward: StepReward
  sequences: number
  points: PassPoint[]
}

export interface PassPoint {
  n: number
  pass: number
  low: number
  high: number
}

export interface TabularRow {
  length: number
  reward: StepReward
  gamma: number | null
  method: GradientMethod
  rate: number
  steps: number | null
  cap: number
}

export interface ProverReport {
  policy: string
  problems: number
  states: number
  steps: number
  shared_rounds: number
  n_mc: number
  rollouts: number
  alpha: number
  provers: ProverRow[]
  advice: ProverAdvice[]
  search: SearchAgreement | null
}

export interface ProverRow {
  name: string
  k: number
  policy: string | null
  predictors: Record<string, Interval>
}

export interface Interval {
  value: number | null
  low: number | null
  high: number | null
}

export interface ProverAdvice {
  for: string
  by: string
  prover: string
  decided: boolean
  reason: string
  more_rollouts: number | null
}

export interface SearchAgreement {
  n: number
  alpha: number
  problems: number
  provers: SearchedProver[]
  predictors: PredictorAgreement[]
}

export interface SearchedProver {
  name: string
  accuracy: number
  low: number
  high: number
}

export interface PredictorAgreement {
  predictor: string
  provers: number
  spearman: Interval
}

export interface TheoryResult {
  name: string
  claim: string
  verdict: Verdict
  found: string
  numbers: Record<string, number>
}

export interface RlData {
  groups: RlGroup[]
  comparisons: RlComparison[]
  start: PassBand[]
}

export interface RlGroup {
  name: string
  reward: string
  seeds: Seed[]
  valid: RlCurve[]
  batches: (Record<string, number>)[]
  pass: PassBand[]
  hard: PassBand[]
  hard_beam: PassBand[]
  hard_problems: number
  unsolved_by: number
  majority: number | null
  levels: LevelBand[]
}

export interface RlCurve {
  seed: Seed
  points: RlPoint[]
}

export interface RlPoint {
  iteration: number
  tokens: number
  all_tokens: number
  accuracy: number
  labelled_tokens: number | null
}

export interface PassBand {
  n: number
  mean: number
  low: number
  high: number
}

export interface LevelBand {
  level: number
  sample: number
}

export interface RlComparison {
  a: string
  b: string
  seeds: number
  difference: SeedInterval
  reached: number
  iterations: SeedInterval | null
  tokens: SeedInterval | null
  all_tokens: SeedInterval | null
  labelled_tokens: SeedInterval | null
  from_start: number
}

export interface SeedInterval {
  value: number
  low: number | null
  high: number | null
}

export interface FigureSummary {
  figure: string
  title: string
  asks: string
  verdict: FigureVerdict
  sentence: string
  rule: string
  panels: Panel[]
  findings: Finding[]
  notes: string[]
  size: RunSize
  intervals: string
  table: FigureTable | null
}

export interface Panel {
  title: string
  x: string
  y: string
  log_x: boolean
  percent: boolean
  lines: Line[]
}

export interface Line {
  name: string
  kind: string
  points: LinePoint[]
  seeds: SeedLine[]
}

export interface LinePoint {
  x: number
  y: number
  low: number | null
  high: number | null
  n: number | null
}

export interface SeedLine {
  seed: number
  points: LinePoint[]
}

export interface Finding {
  what: string
  value: number | null
  low: number | null
  high: number | null
  unit: string
  paper: string | null
}

export interface RunSize {
  scale: string
  models: string[]
  problems: number
  seeds: number
  tokens: number
  seconds: number
}

export interface FigureTable {
  columns: string[]
  rows: string[][]
}
