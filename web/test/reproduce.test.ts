import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FigureSummary } from '../src/data.ts'
import { figureName, number } from '../src/reproduce.ts'

test('numbers are written with their unit and interval', () => {
  assert.equal(number({ what: '', value: 0.031, low: -0.004, high: 0.066, unit: 'points' }), '+3.1 points [−0.4, +6.6]')
  assert.equal(number({ what: '', value: 2.5, low: 1, high: null, unit: 'times' }), '2.5 times [1.0, ∞]')
  assert.equal(number({ what: '', value: 4, unit: '' }), '4')
  assert.equal(number({ what: '', unit: 'times' }), '–')
})

test('figures are named as the paper numbers them', () => {
  const figure = (id: string): FigureSummary => ({ figure: id, title: 'Title' }) as FigureSummary
  assert.deepEqual(['5a', 'G', 'alpha'].map(id => figureName(figure(id))), ['Figure 5a: Title', 'Appendix G: Title', 'Title'])
})
