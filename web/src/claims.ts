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

export interface Statement { text: string; verdict: Verdict; tally: string | null }

const given = (c: Comparison): boolean => c.difference != null && c.low != null && c.high != null
const same = (a: Side, b: Side): boolean => a.method === b.method && a.prover === b.prover && a.alpha === b.alpha

/**
 * A beam of one ranks the steps of a single state, and under best-of-K provers Q + αA orders those as Q does: where a beam on Q has the
 * very same numbers, the comparison is that one's, and is not told again.
 */
function withoutTwins(rows: Comparison[]): Comparison[] {
  const key = (c: Comparison): string => [c.claim, c.b, sideOf(c.a).n, c.difference, c.tokens_a].join('|')
  const onQ = new Set(rows.filter(c => sideOf(c.a).method === 'beam-q').map(key))
  return rows.filter(c => sideOf(c.a).method !== 'beam-pav' || !onQ.has(key(c)))
}

/** What is compared with what: beams with best-of-N by the outcome verifier, where there are such; else what comes nearest to it. */
function candidates(rows: Comparison[]): Comparison[] {
  const kinds: ((side: Side) => boolean)[] =
    [a => ['beam-q', 'beam-pav'].includes(a.method), a => !a.method.startsWith('oracle'), () => true]
  const bases: ((side: Side) => boolean)[] = [b => b.method === 'best-of-n-orm', b => b.method === 'best-of-n-q', () => true]
  for (const kind of kinds)
    for (const base of bases) {
      const found = rows.filter(c => kind(sideOf(c.a)) && base(sideOf(c.b)))
      if (found.length > 0) return found
    }
  return []
}

/**
 * What the run shows, in sentences that claim no more than their intervals do: beams against best-of-N by the outcome verifier (of several,
 * the clearest, said to be that), the tokens they need, and what A adds to Q.
 */
export function headline(result: Result): Statement[] {
  const rows = withoutTwins(result.comparisons.filter(given))
  const told = candidates(rows)
  const equal = told.filter(c => !isRatio(c)), reach = told.filter(c => c.claim === 'tokens-to-reach')
  const main = seriesOf(result.methods).find(s => s.method === 'beam-pav' && s.main)?.points[0]
  const isMain = (side: Side): boolean =>
    side.method === 'beam-pav' && main != null && side.prover === (main.prover ?? '') && side.alpha === (main.alpha ?? null)
  const overQ = (c: Comparison): boolean => isMain(sideOf(c.a)) && sideOf(c.b).method === 'beam-q'
  const added = result.comparisons.filter(c => given(c) && !isRatio(c) && !equal.includes(c) && overQ(c))
  const differing = added.filter(c => c.difference !== 0 || c.low !== 0 || c.high !== 0)
  const statements: Statement[] = []
  if (equal.length > 0) statements.push(atEqualTokens(equal))
  if (reach.length > 0) statements.push(toReach(reach))
  if (differing.length > 0) statements.push(atEqualTokens(differing))
  return statements
}

const span = (c: Comparison): string => `${points(c.low!).replace('+', '')} to ${points(c.high!).replace('+', '')}`
const place = (c: Comparison): string => {
  const { n } = sideOf(c.a)
  return `${n == null ? '' : `N = ${n}, `}${count(c.tokens_a)} tokens per problem`
}
const curveOf = (c: Comparison): Side => ({ ...sideOf(c.a), n: null })
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1)

function atEqualTokens(equal: Comparison[]): Statement {
  const better = equal.filter(c => verdictOf(c) === 'better').length, worse = equal.filter(c => verdictOf(c) === 'worse').length
  const several = equal.some(c => !same(curveOf(c), curveOf(equal[0])))
  if (better + worse === 0) {
    const largest = equal.reduce((x, y) => Math.abs(y.difference!) > Math.abs(x.difference!) ? y : x)
    const [A, B] = [inWords(curveOf(largest)), inWords(sideOf(largest.b))]
    const each = equal.length === 1 ? 'at the one budget compared'
      : several ? `in each of ${equal.length} comparisons of beams` : `at each of the ${equal.length} budgets compared`
    return {
      verdict: 'open', tally: null,
      text: `At equal generated tokens, ${several ? 'beam search' : A} and ${B} cannot be told apart here: `
        + `the 95% interval of the difference includes zero ${each} `
        + `(the largest is ${points(largest.difference!)} points${several ? ` for ${A}` : ''} at ${place(largest)}; ${span(largest)}).`,
    }
  }
  const verdict = better > 0 ? 'better' : 'worse'
  const clearest = equal.reduce((x, y) => (verdict === 'better' ? y.low! > x.low! : y.high! < x.high!) ? y : x)
  const excluded = better + worse === equal.length ? 'in all of them' : `in ${better + worse}`
  const sides = better > 0 && worse > 0 ? `, in favour in ${better} and against in ${worse}` : better === 0 ? ', each time against it' : ''
  return {
    verdict: better > 0 && worse > 0 ? 'open' : verdict,
    text: `At equal generated tokens, ${inWords(curveOf(clearest))} answers ${Math.abs(100 * clearest.difference!).toFixed(1)} points `
      + `${verdict === 'better' ? 'more' : 'fewer'} of the problems `
      + `than ${inWords(sideOf(clearest.b))} (${place(clearest)}; 95% interval ${span(clearest)}).`,
    tally: equal.length === 1 ? null
      : `This is the clearest of ${equal.length} such comparisons${several ? ' of beams' : ''}; the interval excludes zero ${excluded}${sides}.`,
  }
}

/** Of several beams the one whose saving is clearest. */
function toReach(reach: Comparison[]): Statement {
  const there = reach.filter(c => c.difference! > 0 && c.tokens_a != null)
  const B = inWords(sideOf(reach[0].b))
  if (there.length === 0) {
    const who = reach.length === 1 ? `${capital(inWords(sideOf(reach[0].a)))} does not reach` : `None of the ${reach.length} beams reaches`
    return { verdict: 'worse', tally: null, text: `${who} the accuracy of ${B} within the budgets that were run.` }
  }
  const c = there.reduce((x, y) => y.low! > x.low! || (y.low === x.low && y.difference! > x.difference!) ? y : x)
  const A = inWords(sideOf(c.a))
  const itself = inWords({ ...sideOf(c.b), n: null })
  const never = reach.length - there.length
  const best = reach.length === 1 ? ''
    : ` This is the best of ${reach.length} beams${never > 0 ? `, of which ${never} never get${never === 1 ? 's' : ''} there` : ''}.`
  const range = rangeWords(c.difference!, c.low!, c.high!)
  const tokens = `${timesFewer(c.difference!)} generated tokens ${c.difference! >= 1 ? 'than' : 'as'} ${itself} first does`
  const verdict = verdictOf(c)
  const text = verdict === 'better' ? `${capital(A)} reaches the accuracy of ${B} with ${tokens} (95% interval ${range}).`
    : verdict === 'worse' ? `For the accuracy of ${B}, ${A} needs ${tokens} (95% interval ${range}).`
    : `For the accuracy of ${B}, ${A} takes ${tokens}, but the 95% interval (${range}) `
      + `${c.low === 0 ? 'reaches to never getting there' : 'includes 1'}: no saving is shown.`
  return { verdict, tally: null, text: text + best }
}

/** A ratio of costs, the other's over this one's: `4.1× fewer`, and below 1 turned round: `3.3× as many`. */
export const timesFewer = (ratio: number): string => ratio >= 1 ? `${factor(ratio)} fewer` : `${factor(1 / ratio)} as many`

/** The interval of a ratio, turned round where the ratio is; a bound of 0 is a cost that was never enough. */
export function rangeWords(ratio: number, low: number, high: number): string {
  const [from, to] = ratio >= 1 ? [low, high] : [1 / high, 1 / low]
  const bound = (x: number): string => x === 0 || !Number.isFinite(x) ? 'never' : factor(x)
  return `${bound(from)} to ${bound(to)}`
}
