import type { MethodRow } from './data.ts'
import { methodName, proverName, proverStrength } from './format.ts'

/** One line of the accuracy chart: a method, with one prover and one α, over N. */
export interface Series {
  key: string
  method: string
  label: string
  /** Drawn at first: of a method's several provers, the one with the most points (Bo4, the paper's, where they tie). */
  main: boolean
  points: MethodRow[]
}

const order = ['sample', 'greedy', 'majority', 'weighted-vote', 'best-of-n-orm', 'best-of-n-q', 'beam-q', 'beam-pav', 'oracle-beam-q', 'oracle-beam-pav']
const rank = (method: string): number => order.includes(method) ? order.indexOf(method) : order.length

export function seriesOf(rows: MethodRow[]): Series[] {
  const severalAlphas = (row: MethodRow): boolean =>
    rows.some(r => r.method === row.method && r.prover === row.prover && r.alpha !== row.alpha)
  const byKey = new Map<string, Series>()
  for (const row of rows) {
    const alpha = severalAlphas(row) ? `α = ${row.alpha}` : ''
    const extra = [proverName(row.prover), alpha].filter(Boolean).join(', ')
    const key = `${row.method}|${extra}`
    const series = byKey.get(key) ?? { key, method: row.method, label: methodName(row.method) + (extra ? ` (${extra})` : ''), main: false, points: [] }
    series.points.push(row)
    byKey.set(key, series)
  }
  const all = [...byKey.values()]
  for (const series of all) series.points.sort((a, b) => a.n - b.n)
  for (const method of new Set(all.map(s => s.method))) {
    const best = all.filter(s => s.method === method).sort((a, b) => b.points.length - a.points.length
      || Number(proverStrength(b.points[0].prover) === 4) - Number(proverStrength(a.points[0].prover) === 4)
      || a.points.filter(p => p.alpha === 0).length - b.points.filter(p => p.alpha === 0).length)[0]
    best.main = true
  }
  return all.sort((a, b) => rank(a.method) - rank(b.method) || strength(a) - strength(b))
}

const strength = (series: Series): number => proverStrength(series.points[0].prover) ?? 0
