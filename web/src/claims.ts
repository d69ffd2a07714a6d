import type { Comparison, MethodKind, ResultRow } from './data.ts'
import { count, points, proverName } from './format.ts'
import { entryOf, isOracle, kindOrder, kindPlural, labelWithin, type Methods } from './methods.ts'

export type Verdict = 'better' | 'worse' | 'open'

/** A run as comparisons name it: method, prover, `alpha=0.5`, `n=16`; without n it is the whole curve. */
export interface Side { method: string; prover: string; alpha: number | null; n: number | null }

export function sideOf(name: string): Side {
  const n = / n=(\d+)$/.exec(name)
  const alpha = / alpha=([\d.eE+-]+)/.exec(name)
  const [method, ...rest] = name.replace(/ n=\d+$/, '').replace(/ alpha=[\d.eE+-]+/, '').split(' ')
  return { method, prover: rest.join(' '), alpha: alpha ? Number(alpha[1]) : null, n: n ? Number(n[1]) : null }
}

/** A side in words for a sentence; N, prover and α follow in brackets. */
export function inWords(side: Side, methods: Methods): string {
  const { text, namesN } = labelWithin(entryOf(methods, side.method), side.n)
  const extra = [
    side.n != null && !namesN ? `N = ${side.n}` : '', side.prover ? `prover ${proverName(side.prover)}` : '', side.alpha != null ? `α = ${side.alpha}` : '',
  ].filter(Boolean)
  return extra.length > 0 ? `${text} (${extra.join(', ')})` : text
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
 * A beam of one ranks the steps of a single state, and under best-of-K provers Q + αA orders those as Q does: where a method of the same
 * kind has the very same numbers, the comparison is told once, of the method that comes first.
 */
function withoutTwins(rows: Comparison[], methods: Methods): Comparison[] {
  const order = [...methods.keys()]
  const place = (c: Comparison): number => order.indexOf(sideOf(c.a).method)
  const key = (c: Comparison): string => [c.claim, c.b, entryOf(methods, sideOf(c.a).method).kind, sideOf(c.a).n, c.difference, c.tokens_a].join('|')
  const firsts = new Map<string, number>()
  for (const c of rows) firsts.set(key(c), Math.min(place(c), firsts.get(key(c)) ?? Infinity))
  return rows.filter(c => place(c) === firsts.get(key(c)))
}

/** Comparisons of one kind of methods with one of those that it is compared with. */
interface Told { kind: MethodKind | null; base: string; rows: Comparison[] }

/**
 * What is compared with what, the first kind first: methods of a kind with those that rank or take plain samples, in the order in which
 * the methods name them; without such, with what there is.
 */
function candidates(rows: Comparison[], methods: Methods): Told[] {
  const kindOf = (side: string): MethodKind | null => entryOf(methods, sideOf(side).method).kind
  const plain = (c: Comparison): boolean => ['ranking', 'sampling'].includes(kindOf(c.b) ?? '')
  return [...kindOrder, null].flatMap(kind => {
    const mine = rows.filter(c => kindOf(c.a) === kind)
    const told = mine.some(plain) ? mine.filter(plain) : mine
    const named = told.flatMap(c => entryOf(methods, sideOf(c.a).method).compare_with)
    const bases = [...new Set([...named, ...told.map(c => sideOf(c.b).method)])]
    return bases.map(base => ({ kind, base, rows: told.filter(c => sideOf(c.b).method === base) })).filter(t => t.rows.length > 0)
  })
}

/**
 * What the run shows, in sentences that claim no more than their intervals do: methods of the first kind (guided forests, where there are
 * some) against up to two others and the tokens they need, of several the clearest, said to be that; then the next kind against its
 * first; then what A adds to Q.
 */
export function headline(result: ResultRow, methods: Methods): Statement[] {
  const rows = withoutTwins(result.comparisons.filter(given), methods)
  const all = candidates(rows, methods)
  const first = all.filter(t => t.kind === all[0].kind).slice(0, 2)
  const next = all.filter(t => t.kind !== all[0].kind && t.kind !== 'oracle' && t.kind !== 'ranking').slice(0, 1)
  const equal = (t: Told): Comparison[] => t.rows.filter(c => !isRatio(c))
  const reach = (t: Told): Comparison[] => t.rows.filter(c => c.claim === 'tokens-to-reach')
  const added = result.comparisons.filter(c => given(c) && !isRatio(c) && addsProgress(c, methods))
  const differing = added.filter(c => c.difference !== 0 || c.low !== 0 || c.high !== 0)
  return [
    ...first.flatMap(t => [
      ...(equal(t).length > 0 ? [atEqualTokens(equal(t), methods)] : []), ...(reach(t).length > 0 ? [toReach(reach(t), methods)] : []),
    ]),
    ...[...next.map(equal), differing].filter(rs => rs.length > 0).map(rs => atEqualTokens(rs, methods)),
  ]
}

/** Is it the same kind of method with a prover against that without one? */
function addsProgress(c: Comparison, methods: Methods): boolean {
  const [a, b] = [sideOf(c.a), sideOf(c.b)]
  const [A, B] = [entryOf(methods, a.method), entryOf(methods, b.method)]
  return a.prover !== '' && b.prover === '' && A.kind === B.kind && !isOracle(A) && A.compare_with.includes(B.id)
}

const span = (c: Comparison): string => `${points(c.low!).replace('+', '')} to ${points(c.high!).replace('+', '')}`
const place = (c: Comparison): string => {
  const { n } = sideOf(c.a)
  return `${n == null ? '' : `N = ${n}, `}${count(c.tokens_a)} tokens per problem`
}
const curveOf = (c: Comparison): Side => ({ ...sideOf(c.a), n: null })
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1)

/** What the compared methods are, in the plural. */
function kindsOf(rows: Comparison[], methods: Methods): string {
  const kinds = new Set(rows.map(c => entryOf(methods, sideOf(c.a).method).kind))
  return kindPlural(kinds.size === 1 ? [...kinds][0] : null)
}

function atEqualTokens(equal: Comparison[], methods: Methods): Statement {
  const words = (side: Side): string => inWords(side, methods)
  const who = kindsOf(equal, methods)
  const better = equal.filter(c => verdictOf(c) === 'better').length, worse = equal.filter(c => verdictOf(c) === 'worse').length
  const several = equal.some(c => !same(curveOf(c), curveOf(equal[0])))
  if (better + worse === 0) {
    const largest = equal.reduce((x, y) => Math.abs(y.difference!) > Math.abs(x.difference!) ? y : x)
    const [A, B] = [words(curveOf(largest)), words(sideOf(largest.b))]
    const each = equal.length === 1 ? 'at the one budget compared'
      : several ? `in each of ${equal.length} comparisons of ${who}` : `at each of the ${equal.length} budgets compared`
    return {
      verdict: 'open', tally: null,
      text: `At equal generated tokens, ${several ? who : A} and ${B} cannot be told apart here: `
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
    text: `At equal generated tokens, ${words(curveOf(clearest))} answers ${Math.abs(100 * clearest.difference!).toFixed(1)} points `
      + `${verdict === 'better' ? 'more' : 'fewer'} of the problems `
      + `than ${words(sideOf(clearest.b))} (${place(clearest)}; 95% interval ${span(clearest)}).`,
    tally: equal.length === 1 ? null
      : `This is the clearest of ${equal.length} such comparisons${several ? ` of ${who}` : ''}; the interval excludes zero ${excluded}${sides}.`,
  }
}

/** Of several methods the one whose saving is clearest. */
function toReach(reach: Comparison[], methods: Methods): Statement {
  const words = (side: Side): string => inWords(side, methods)
  const kinds = kindsOf(reach, methods)
  const there = reach.filter(c => c.difference! > 0 && c.tokens_a != null)
  const B = words(sideOf(reach[0].b))
  if (there.length === 0) {
    const who = reach.length === 1 ? `${capital(words(sideOf(reach[0].a)))} does not reach` : `None of the ${reach.length} ${kinds} reaches`
    return { verdict: 'worse', tally: null, text: `${who} the accuracy of ${B} within the budgets that were run.` }
  }
  const c = there.reduce((x, y) => y.low! > x.low! || (y.low === x.low && y.difference! > x.difference!) ? y : x)
  const A = words(sideOf(c.a))
  const itself = words({ ...sideOf(c.b), n: null })
  const never = reach.length - there.length
  const best = reach.length === 1 ? ''
    : ` This is the best of ${reach.length} ${kinds}${never > 0 ? `, of which ${never} never get${never === 1 ? 's' : ''} there` : ''}.`
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
