import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MethodRow, Run } from '../src/data.ts'
import { seriesOf } from '../src/series.ts'
import { commandLine } from '../src/settings.ts'

const row = (method: string, n: number, prover: string | null = null, alpha: number | null = null): MethodRow =>
  ({ method, n, prover, alpha, problems: 1, seeds: 1, accuracy: 0.5, low: null, high: null, pass: null, generated_tokens: n, scored_tokens: 0, seconds: null })

test('of the provers of a method the one with most sizes is drawn first, Bo4 where they tie', () => {
  const main = (rows: MethodRow[]): string[] => seriesOf(rows).filter(s => s.main).map(s => s.key)
  assert.deepEqual(main([row('beam-pav', 4, 'bo2', 0.5), row('beam-pav', 8, 'bo2', 0.5), row('beam-pav', 4, 'bo4', 0.5)]), ['beam-pav|Bo2'])
  assert.deepEqual(main([row('beam-pav', 4, 'bo2', 0.5), row('beam-pav', 4, 'bo4', 0.5)]), ['beam-pav|Bo4'])
})

test('several α of one prover are lines of their own, in order of N', () => {
  const series = seriesOf([row('beam-pav', 8, 'bo4', 0.2), row('beam-pav', 4, 'bo4', 0.2), row('beam-pav', 8, 'bo4', 0.5)])
  assert.deepEqual(series.map(s => s.key).sort(), ['beam-pav|Bo4, α = 0.2', 'beam-pav|Bo4, α = 0.5'])
  assert.deepEqual(series.find(s => s.main)!.points.map(p => p.n), [4, 8])
})

test('options become flags', () => {
  const run = { command: 'label', seed: 1, options: { n_mc: 8, n: [1, 2], quick: true, full: false, note: "it's", none: null } } as unknown as Run
  assert.equal(commandLine(run), `./pav label --n-mc 8 --n 1,2 --quick --note 'it'\\''s' --seed 1`)
})
