import type { Comparison, Result } from './data.ts'
import { count, points, runName } from './format.ts'
import { seriesOf, tokensToReach } from './series.ts'

export type Verdict = 'better' | 'worse' | 'open'

export const verdictOf = (c: Comparison): Verdict =>
  c.low != null && c.low > 0 ? 'better' : c.high != null && c.high < 0 ? 'worse' : 'open'

const lower = (name: string): string => /^[A-Z][a-z]/.test(name) ? name[0].toLowerCase() + name.slice(1) : name
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1)
const bare = (x: number): string => points(x).replace('+', '')

/** A comparison as one sentence that claims no more than its interval does. */
export function sentence(c: Comparison): string {
  const a = runName(c.a), b = lower(runName(c.b))
  if (c.difference == null) return `${a} and ${b} were compared, without a difference to report.`
  const size = Math.abs(100 * c.difference).toFixed(1)
  const cost = costOf(c)
  const span = c.low == null || c.high == null ? 'no interval was computed' : `95% interval ${bare(c.low)} to ${bare(c.high)}`
  switch (verdictOf(c)) {
    case 'better': return `${a} answers ${size} points more of the problems than ${b} (${span})${cost}.`
    case 'worse': return `${a} answers ${size} points fewer of the problems than ${b} (${span})${cost}.`
    case 'open': return c.low == null
      ? `${a} differs from ${b} by ${points(c.difference)} points${cost}; ${span}.`
      : `${a} and ${b} cannot be told apart here: the difference is ${points(c.difference)} points${cost}, and its ${span} includes zero.`
  }
}

function costOf(c: Comparison): string {
  if (!c.tokens_a || !c.tokens_b) return ''
  const ratio = c.tokens_a / c.tokens_b
  return ratio > 0.95 && ratio < 1.05 ? ' at equal generated tokens' : ` with ${factor(ratio)} the generated tokens`
}

const factor = (x: number): string => `${x >= 9.95 ? x.toFixed(0) : x >= 0.095 ? x.toFixed(1) : x.toFixed(2)}×`

/** How many times fewer tokens the first method of a comparison needs; null where the run measured no ratio. */
export function ratioSentence(c: Comparison): string | null {
  if (c.token_ratio == null) return null
  const a = runName(c.a), b = lower(runName(c.b))
  if (c.token_ratio_low == null || c.token_ratio_high == null)
    return `${a} reaches the accuracy of ${b} with ${factor(c.token_ratio)} fewer generated tokens; no interval was computed.`
  const span = `95% interval ${factor(c.token_ratio_low)} to ${factor(c.token_ratio_high)}`
  return c.token_ratio_low > 1
    ? `${a} reaches the accuracy of ${b} with ${factor(c.token_ratio)} fewer generated tokens (${span}).`
    : `For the accuracy of ${b}, ${lower(a)} needs ${factor(c.token_ratio)} fewer generated tokens, but the ${span} includes 1: no saving is shown.`
}

/** Read off the curves when no comparison carries a ratio: tokens that beam search and best-of-N by the outcome verifier need for the latter's best accuracy. */
export function ratioFromCurves(result: Result): string | null {
  const all = seriesOf(result.methods)
  const line = (method: string) => all.find(s => s.method === method && s.main)
  const beam = line('beam-pav'), orm = line('best-of-n-orm')
  if (!beam || !orm) return null
  const goal = orm.points.reduce((best, p) => p.n >= best.n ? p : best)
  const beamNeeds = tokensToReach(beam.points, goal.accuracy), ormNeeds = tokensToReach(orm.points, goal.accuracy)
  if (beamNeeds == null || ormNeeds == null)
    return `${beam.label} does not reach the accuracy of best-of-${goal.n} by the outcome verifier within the budgets that were run.`
  const ratio = ormNeeds / beamNeeds
  return `Read off the curves, the accuracy of best-of-${goal.n} by the outcome verifier takes ${count(ormNeeds)} generated tokens with best-of-N and ${count(beamNeeds)} with ${lower(beam.label)}: ${ratio >= 1 ? `${factor(ratio)} fewer` : `${factor(1 / ratio)} as many`} (no interval was computed).`
}

/** The report's first sentences: the first comparison that measured a difference, and the token ratio. */
export function headline(result: Result): { claim: string | null; verdict: Verdict; ratio: string | null } {
  const main = result.comparisons.find(c => c.difference != null)
  const withRatio = result.comparisons.find(c => c.token_ratio != null)
  return {
    claim: main ? capital(sentence(main)) : null,
    verdict: main ? verdictOf(main) : 'open',
    ratio: withRatio ? ratioSentence(withRatio) : ratioFromCurves(result),
  }
}
