import type { Comparison, Result } from './data.ts'
import { count, points, proverName } from './format.ts'
import { seriesOf } from './series.ts'

export type Verdict = 'better' | 'worse' | 'open'

/** A run as comparisons name it: `beam-pav bo4 alpha=0.5 n=16`; without n it is the whole curve. */
export interface Side { method: string; prover: string; alpha: number | null; n: number | null }

export function sideOf(name: string): Side {
  const n = / n=(\d+)$/.exec(name)
  const alpha = / alpha=([\d.eE+-]+)/.exec(name)
  const [method, ...rest] = name.replace(/ n=\d+$/, '').replace(/ alpha=[\d.eE+-]+/, '').split(' ')
  return { method, prover: rest.join(' '), alpha: alpha ? Number(alpha[1]) : null, n: n ? Number(n[1]) : null }
}

const words: Record<string, (n: string) => string> = {
  'sample': () => 'a single sample',
  'greedy': () => 'greedy decoding',
  'majority': n => `the majority of ${n}`,
  'weighted-vote': n => `the weighted vote of ${n}`,
  'best-of-n-orm': n => `best-of-${n} by the outcome verifier`,
  'best-of-n-q': n => `best-of-${n} by the Q verifier`,
  'beam-q': () => 'beam search on Q',
  'beam-pav': () => 'beam search on Q + αA',
  'oracle-beam-q': () => 'beam search on oracle Q',
  'oracle-beam-pav': () => 'beam search on oracle Q + αA',
}

/** A side in words for a sentence; a beam's N, prover and α follow in brackets. */
export function inWords(side: Side): string {
  const beam = side.method.includes('beam')
  const name = words[side.method]?.(side.n == null ? 'N' : String(side.n)) ?? side.method
  const extra = [beam && side.n != null ? `N = ${side.n}` : '', side.prover ? `prover ${proverName(side.prover)}` : '', side.alpha != null ? `α = ${side.alpha}` : ''].filter(Boolean)
  return extra.length > 0 ? `${name} (${extra.join(', ')})` : name
}

export const isRatio = (c: Comparison): boolean => c.claim.startsWith('tokens-to-reach')

/** A difference is judged against 0, a ratio of tokens against 1. */
export function verdictOf(c: Comparison): Verdict {
  const even = isRatio(c) ? 1 : 0
  return c.low != null && c.low > even ? 'better' : c.high != null && c.high < even ? 'worse' : 'open'
}

export const factor = (x: number): string => `${x >= 9.95 ? x.toFixed(0) : x.toFixed(x >= 0.995 ? 1 : 2)}×`

/** The comparisons of one curve with another. */
interface Pair { a: Side; b: Side; equal: Comparison[]; reach: Comparison[] }

function pairsOf(result: Result): Pair[] {
  const curve = (name: string): string => name.replace(/ n=\d+$/, '')
  const pairs = new Map<string, Pair>()
  for (const c of result.comparisons.filter(c => c.difference != null)) {
    const key = `${curve(c.a)}|${curve(c.b)}`
    const pair = pairs.get(key) ?? { a: sideOf(curve(c.a)), b: sideOf(curve(c.b)), equal: [], reach: [] }
    if (isRatio(c)) pair.reach.push(c); else pair.equal.push(c)
    pairs.set(key, pair)
  }
  return [...pairs.values()]
}

export interface Statement { text: string; verdict: Verdict; tally: string | null }

/**
 * What the run shows, in sentences that claim no more than their intervals do: beam search on Q + αA (with the prover that was run at
 * most sizes) against best-of-N by the outcome verifier, the tokens it needs, and what A adds to Q.
 */
export function headline(result: Result): Statement[] {
  const pairs = pairsOf(result)
  const main = seriesOf(result.methods).find(s => s.method === 'beam-pav' && s.main)?.points[0]
  const isMain = (side: Side): boolean => main != null && side.prover === (main.prover ?? '') && (side.alpha ?? null) === (main.alpha ?? null)
  const order = (pair: Pair): number =>
    100 * Math.max(0, ['beam-pav', 'beam-q'].indexOf(pair.a.method) < 0 ? (pair.a.method.startsWith('oracle') ? 3 : 2) : ['beam-pav', 'beam-q'].indexOf(pair.a.method))
    + 10 * (pair.a.method === 'beam-pav' && !isMain(pair.a) ? 1 : 0) + (pair.b.method === 'best-of-n-orm' ? 0 : pair.b.method === 'best-of-n-q' ? 1 : 2)
  const first = [...pairs].sort((x, y) => order(x) - order(y))[0]
  const statements: Statement[] = []
  if (first?.equal.length > 0) statements.push(atEqualTokens(first))
  if (first?.reach.length > 0) statements.push(toReach(first.reach[0]))
  const added = pairs.find(p => p !== first && p.a.method === 'beam-pav' && isMain(p.a) && p.b.method === 'beam-q' && p.equal.length > 0)
  if (added) statements.push(atEqualTokens(added))
  return statements
}

const span = (c: Comparison): string => `${points(c.low!).replace('+', '')} to ${points(c.high!).replace('+', '')}`
const place = (c: Comparison): string => `N = ${sideOf(c.a).n}, ${count(c.tokens_a)} tokens a problem`

function atEqualTokens({ a, b, equal }: Pair): Statement {
  const [A, B] = [inWords(a), inWords(b)]
  const better = equal.filter(c => verdictOf(c) === 'better').length, worse = equal.filter(c => verdictOf(c) === 'worse').length
  const budgets = equal.length === 1 ? 'the one budget compared' : `the ${equal.length} budgets compared`
  if (better + worse === 0) {
    const largest = equal.reduce((x, y) => Math.abs(y.difference!) > Math.abs(x.difference!) ? y : x)
    return { verdict: 'open', tally: null, text: `At equal generated tokens, ${A} and ${B} cannot be told apart here: the 95% interval of the difference includes zero at ${equal.length === 1 ? '' : 'each of '}${budgets} (the largest is ${points(largest.difference!)} points at ${place(largest)}; ${span(largest)}).` }
  }
  const verdict = better > 0 ? 'better' : 'worse'
  const clearest = equal.reduce((x, y) => (verdict === 'better' ? y.low! > x.low! : y.high! < x.high!) ? y : x)
  const tally = equal.length === 1 ? null : `The interval excludes zero at ${better + worse === equal.length ? `all ${equal.length}` : `${better + worse} of the ${equal.length}`} budgets compared${better > 0 && worse > 0 ? `, in favour at ${better} and against at ${worse}` : better === 0 ? ', each time against it' : ''}.`
  return {
    verdict: better > 0 && worse > 0 ? 'open' : verdict,
    text: `At equal generated tokens, ${A} answers ${Math.abs(100 * clearest.difference!).toFixed(1)} points ${verdict === 'better' ? 'more' : 'fewer'} of the problems than ${B} (${place(clearest)}; 95% interval ${span(clearest)}).`,
    tally,
  }
}

function toReach(c: Comparison): Statement {
  const [A, B] = [inWords(sideOf(c.a)), inWords(sideOf(c.b))]
  const capital = A[0].toUpperCase() + A.slice(1)
  if (!c.difference || c.tokens_a == null) return { verdict: 'worse', tally: null, text: `${capital} does not reach the accuracy of ${B} within the budgets that were run.` }
  const between = `95% interval ${factor(c.low!)} to ${factor(c.high!)}`
  const itself = inWords({ ...sideOf(c.b), n: null })
  switch (verdictOf(c)) {
    case 'better': return { verdict: 'better', tally: null, text: `${capital} reaches the accuracy of ${B} with ${factor(c.difference)} fewer generated tokens than ${itself} first does (${between}).` }
    case 'worse': return { verdict: 'worse', tally: null, text: `For the accuracy of ${B}, ${A} needs ${factor(1 / c.difference)} the generated tokens with which ${itself} first reaches it (${itself} over beam: ${between}).` }
    case 'open': return { verdict: 'open', tally: null, text: `For the accuracy of ${B}, the ratio of the fewest generated tokens with which ${itself} reaches it to those of ${A} is ${factor(c.difference)}, but the ${between} ${c.low === 0 ? 'reaches down to never getting there' : 'includes 1'}: no saving is shown.` }
  }
}
