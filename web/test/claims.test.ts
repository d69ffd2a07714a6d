import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headline, inWords, sideOf, verdictOf } from '../src/claims.ts'
import type { Comparison, Result } from '../src/data.ts'

const equal = (n: number, difference: number, low: number, high: number, b = 'best-of-n-orm'): Comparison =>
  ({ claim: 'equal-tokens', a: `beam-pav bo4 alpha=0.5 n=${n}`, b, difference, low, high, tokens_a: 150 * n, tokens_b: 150 * n })
const reach = (difference: number, low: number, high: number, tokens: number | null = 500): Comparison =>
  ({ claim: 'tokens-to-reach', a: 'beam-pav bo4 alpha=0.5', b: 'best-of-n-orm n=128', difference, low, high, tokens_a: tokens, tokens_b: 7424 })
const result = (...comparisons: Comparison[]): Result => ({
  path: 'run', comparisons, base: null, settings: null, seconds: null, peak_memory_mb: null,
  methods: [{ method: 'beam-pav', n: 8, alpha: 0.5, prover: 'bo4', problems: 300, seeds: 1, accuracy: 0.6, low: 0.55, high: 0.65, pass: 0.8, generated_tokens: 1200, scored_tokens: 1200, seconds: 1 }],
})

test('a side of a comparison is read from its name', () => {
  assert.deepEqual(sideOf('beam-pav bo4 alpha=0.5 n=16'), { method: 'beam-pav', prover: 'bo4', alpha: 0.5, n: 16 })
  assert.deepEqual(sideOf('best-of-n-orm'), { method: 'best-of-n-orm', prover: '', alpha: null, n: null })
  assert.equal(inWords(sideOf('beam-pav my verifier alpha=0.2')), 'beam search on Q + αA (prover my verifier, α = 0.2)')
  assert.equal(inWords(sideOf('best-of-n-orm n=128')), 'best-of-128 by the outcome verifier')
})

test('a gain is claimed with its clearest budget and the tally of all', () => {
  const [first] = headline(result(equal(4, 0.05, -0.01, 0.11), equal(8, 0.127, 0.061, 0.193)))
  assert.equal(first.verdict, 'better')
  assert.equal(first.text, 'At equal generated tokens, beam search on Q + αA (prover Bo4, α = 0.5) answers 12.7 points more of the problems than best-of-N by the outcome verifier '
    + '(N = 8, 1,200 tokens a problem; 95% interval 6.1 to 19.3).')
  assert.equal(first.tally, 'The interval excludes zero at 1 of the 2 budgets compared.')
})

test('an interval that includes zero claims nothing', () => {
  const [first] = headline(result(equal(4, 0.02, -0.03, 0.07), equal(8, -0.03, -0.08, 0.02)))
  assert.equal(first.verdict, 'open')
  assert.match(first.text, /cannot be told apart here: .* includes zero at each of the 2 budgets compared \(the largest is −3\.0 points at N = 8/)
})

test('a loss is told as a loss', () => {
  const [first] = headline(result(equal(8, -0.06, -0.1, -0.02)))
  assert.equal(first.verdict, 'worse')
  assert.match(first.text, /answers 6\.0 points fewer of the problems/)
})

test('gains at some budgets and losses at others are both counted', () => {
  const [first] = headline(result(equal(2, -0.06, -0.1, -0.02), equal(8, 0.1, 0.05, 0.15)))
  assert.equal(first.verdict, 'open')
  assert.match(first.tally!, /in favour at 1 and against at 1/)
})

test('a ratio of tokens is judged against 1', () => {
  assert.equal(verdictOf(reach(3.4, 1.9, 5.6)), 'better')
  assert.match(headline(result(reach(3.4, 1.9, 5.6)))[0].text, /reaches the accuracy of best-of-128 by the outcome verifier with 3\.4× fewer generated tokens than best-of-N by the outcome verifier first does \(95% interval 1\.9× to 5\.6×\)/)
  assert.match(headline(result(reach(1.4, 0.8, 2.2)))[0].text, /includes 1: no saving is shown/)
  assert.match(headline(result(reach(0, 0, 0.9, null)))[0].text, /does not reach the accuracy/)
})

test('what A adds to Q is a statement of its own', () => {
  const statements = headline(result(equal(8, 0.1, 0.05, 0.15), equal(8, 0.02, -0.01, 0.05, 'beam-q')))
  assert.equal(statements.length, 2)
  assert.match(statements[1].text, /and beam search on Q cannot be told apart here: .* at the one budget compared/)
})
