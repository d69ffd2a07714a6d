import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MethodEntry, MethodKind, MethodSummary, RunRow } from '../src/data.ts'
import { colorOf, methodsOf } from '../src/methods.ts'
import { leading, seriesOf } from '../src/series.ts'
import { commandLine } from '../src/settings.ts'

const row = (method: string, n: number, prover: string | null = null, alpha: number | null = null): MethodSummary =>
  ({ method, n, prover, alpha, problems: 1, seeds: 1, accuracy: 0.5, low: null, high: null, pass: null, generated_tokens: n, scored_tokens: 0, seconds: null, label: null, kind: null, compare_with: null })

test('of the provers of a method the one with most sizes is drawn first, Bo4 where they tie', () => {
  const main = (rows: MethodSummary[]): string[] => seriesOf(rows, new Map()).filter(s => s.main).map(s => s.key)
  assert.deepEqual(main([row('beam', 4, 'bo2', 0.5), row('beam', 8, 'bo2', 0.5), row('beam', 4, 'bo4', 0.5)]), ['beam|Bo2'])
  assert.deepEqual(main([row('beam', 4, 'bo2', 0.5), row('beam', 4, 'bo4', 0.5)]), ['beam|Bo4'])
})

test('several α of one prover are lines of their own, in order of N', () => {
  const series = seriesOf([row('beam', 8, 'bo4', 0.2), row('beam', 4, 'bo4', 0.2), row('beam', 8, 'bo4', 0.5)], new Map())
  assert.deepEqual(series.map(s => s.key).sort(), ['beam|Bo4, α = 0.2', 'beam|Bo4, α = 0.5'])
  assert.deepEqual(series.find(s => s.main)!.points.map(p => p.n), [4, 8])
})

test('options become flags', () => {
  const run = { command: 'label', seed: 1, options: { n_mc: 8, n: [1, 2], quick: true, full: false, note: "it's", none: null } } as unknown as Run
  assert.equal(commandLine(run), `./pav label --n-mc 8 --n 1,2 --quick --note 'it'\\''s' --seed 1`)
})

test('order and labels are those of the report, and of each kind the highest is shown at first, with what it is compared with', () => {
  const entry = (id: string, kind: MethodKind, place: number, ...compare_with: string[]): MethodEntry => ({ id, label: id.toUpperCase(), kind, place, compare_with })
  const methods = methodsOf([entry('a', 'ranking', 0), entry('b', 'ranking', 1), entry('c', 'beam', 0, 'a'), entry('d', 'beam', 1, 'a'), entry('e', 'beam', 2)])
  const series = seriesOf([{ ...row('e', 1), accuracy: 0.6 }, row('d', 1), row('d', 4), { ...row('c', 4), accuracy: 0.6, generated_tokens: 0.5 }, row('b', 1), row('a', 1)].map(
    r => r.method === 'b' ? { ...r, accuracy: 0.7 } : r), methods)
  assert.deepEqual(series.map(s => s.label), ['A', 'B', 'C', 'D', 'E'])
  assert.deepEqual(leading(series).map(s => s.entry.id), ['a', 'b', 'c'])
})

test('a colour is that of the kind and the place in it', () => {
  const at = (kind: MethodKind | null, place: number): string => colorOf({ id: 'x', label: 'X', kind, place, compare_with: [] })
  assert.deepEqual([at('beam', 0), at('forest', 7), at(null, 0)], ['var(--k-beam-0)', 'var(--k-forest-1)', 'var(--ink-3)'])
})
