import type { MethodEntry, MethodSummary } from './data.ts'
import { proverName, proverStrength } from './format.ts'
import { entryOf, type Methods } from './methods.ts'

/** One line of the accuracy chart: a method, with one prover and one α, over N. */
export interface Series {
  key: string
  entry: MethodEntry
  label: string
  /** Of a method's several provers, the one with the most points (Bo4, the paper's, where they tie). */
  main: boolean
  points: MethodSummary[]
}

export function seriesOf(rows: MethodSummary[], methods: Methods): Series[] {
  const severalAlphas = (row: MethodSummary): boolean =>
    rows.some(r => r.method === row.method && r.prover === row.prover && r.alpha !== row.alpha)
  const byKey = new Map<string, Series>()
  for (const row of rows) {
    const alpha = severalAlphas(row) ? `α = ${row.alpha}` : ''
    const extra = [proverName(row.prover), alpha].filter(Boolean).join(', ')
    const key = `${row.method}|${extra}`
    const entry = entryOf(methods, row.method)
    const series = byKey.get(key) ?? { key, entry, label: entry.label + (extra ? ` (${extra})` : ''), main: false, points: [] }
    series.points.push(row)
    byKey.set(key, series)
  }
  const all = [...byKey.values()]
  for (const series of all) series.points.sort((a, b) => a.n - b.n)
  for (const method of new Set(all.map(s => s.entry.id))) {
    const best = all.filter(s => s.entry.id === method).sort((a, b) => b.points.length - a.points.length
      || Number(proverStrength(b.points[0].prover) === 4) - Number(proverStrength(a.points[0].prover) === 4)
      || a.points.filter(p => p.alpha === 0).length - b.points.filter(p => p.alpha === 0).length)[0]
    best.main = true
  }
  const order = [...methods.keys()]
  const rank = (series: Series): number => order.includes(series.entry.id) ? order.indexOf(series.entry.id) : order.length
  return all.sort((a, b) => rank(a) - rank(b) || strength(a) - strength(b))
}

const strength = (series: Series): number => proverStrength(series.points[0].prover) ?? 0

const reached = (series: Series): number => Math.max(...series.points.map(p => p.accuracy))
const tokensThere = (series: Series): number =>
  Math.min(...series.points.filter(p => p.accuracy === reached(series)).map(p => p.generated_tokens))

/**
 * What is shown at first: of each kind the method that gets highest (with the fewest tokens, of equal ones), and what that one is compared
 * with.
 */
export function leading(all: Series[]): Series[] {
  const main = all.filter(s => s.main)
  const best = [...new Set(main.map(s => s.entry.kind))].map(kind => main.filter(s => s.entry.kind === kind)
    .reduce((a, b) => reached(b) > reached(a) || (reached(b) === reached(a) && tokensThere(b) < tokensThere(a)) ? b : a))
  const ids = new Set(best.flatMap(s => [s.entry.id, ...s.entry.compare_with]))
  return main.filter(s => ids.has(s.entry.id))
}
