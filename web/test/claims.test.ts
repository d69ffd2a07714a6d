import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headline, inWords, rangeWords, sideOf, type Statement, timesFewer, verdictOf } from '../src/claims.ts'
import type { Comparison, MethodEntry, MethodKind } from '../src/data.ts'
import { methodsOf } from '../src/methods.ts'

const entry = (id: string, label: string, kind: MethodKind, place: number, ...compare_with: string[]): MethodEntry => ({ id, label, kind, place, compare_with })
const methods = methodsOf([
  entry('orm', 'Best-of-N by the outcome verifier', 'ranking', 0), entry('vote', 'Weighted vote', 'ranking', 1),
  entry('on-q', 'Beam on Q', 'beam', 0, 'orm'), entry('on-a', 'Beam on Q + αA', 'beam', 1, 'orm', 'on-q'),
  entry('grove', 'Guided forest', 'forest', 0, 'orm', 'vote', 'on-q'),
  entry('oracle', 'Oracle beam', 'oracle', 0, 'orm'),
])
const equal = (n: number, difference: number, low: number, high: number, b = 'orm'): Comparison =>
  ({ claim: 'equal-tokens', a: `on-a bo4 alpha=0.5 n=${n}`, b, difference, low, high, tokens_a: 150 * n, tokens_b: 150 * n })
const reach = (difference: number, low: number, high: number, tokens: number | null = 500): Comparison =>
  ({ claim: 'tokens-to-reach', a: 'on-a bo4 alpha=0.5', b: 'orm n=128', difference, low, high, tokens_a: tokens, tokens_b: 7424 })
const told = (...comparisons: Comparison[]): Statement[] => headline(
  { path: 'run', comparisons, base: null, settings: null, seconds: null, peak_memory_mb: null, methods: [], verifiers: [] }, methods)

test('a side of a comparison is read from its name', () => {
  assert.deepEqual(sideOf('on-a bo4 alpha=0.5 n=16'), { method: 'on-a', prover: 'bo4', alpha: 0.5, n: 16 })
  assert.deepEqual(sideOf('orm'), { method: 'orm', prover: '', alpha: null, n: null })
  assert.equal(inWords(sideOf('on-a my verifier alpha=0.2'), methods), 'beam on Q + αA (prover my verifier, α = 0.2)')
  assert.equal(inWords(sideOf('orm n=128'), methods), 'best-of-128 by the outcome verifier')
})

test('a gain is claimed with its clearest budget and the tally of all', () => {
  const [first] = told(equal(4, 0.05, -0.01, 0.11), equal(8, 0.127, 0.061, 0.193))
  assert.equal(first.verdict, 'better')
  assert.equal(first.text, 'At equal generated tokens, beam on Q + αA (prover Bo4, α = 0.5) answers 12.7 points more of the problems than best-of-N by the outcome verifier '
    + '(N = 8, 1,200 tokens per problem; 95% interval 6.1 to 19.3).')
  assert.equal(first.tally, 'This is the clearest of 2 such comparisons; the interval excludes zero in 1.')
})

test('an interval that includes zero claims nothing', () => {
  const [first] = told(equal(4, 0.02, -0.03, 0.07), equal(8, -0.03, -0.08, 0.02))
  assert.equal(first.verdict, 'open')
  assert.match(first.text, /cannot be told apart here: .* includes zero at each of the 2 budgets compared \(the largest is −3\.0 points at N = 8/)
})

test('a loss is told as a loss', () => {
  const [first] = told(equal(8, -0.06, -0.1, -0.02))
  assert.equal(first.verdict, 'worse')
  assert.match(first.text, /answers 6\.0 points fewer of the problems/)
})

test('gains at some budgets and losses at others are both counted', () => {
  const [first] = told(equal(2, -0.06, -0.1, -0.02), equal(8, 0.1, 0.05, 0.15))
  assert.equal(first.verdict, 'open')
  assert.match(first.tally!, /in all of them, in favour in 1 and against in 1/)
})

test('a ratio of tokens is judged against 1', () => {
  assert.equal(verdictOf(reach(3.4, 1.9, 5.6)), 'better')
  assert.match(told(reach(3.4, 1.9, 5.6))[0].text, /reaches the accuracy of best-of-128 by the outcome verifier with 3\.4× fewer generated tokens than best-of-N by the outcome verifier first does \(95% interval 1\.9× to 5\.6×\)/)
  assert.match(told(reach(1.4, 0.8, 2.2))[0].text, /includes 1: no saving is shown/)
  assert.match(told(reach(0, 0, 0.9, null))[0].text, /does not reach the accuracy/)
})

const named = (c: Comparison, a: string): Comparison => ({ ...c, a })

test('of several beams the clearest is told, with how many there were', () => {
  const [first, second] = told(
    named(equal(1, 0.2, 0.1, 0.3), 'on-q n=1'), named(equal(2, 0.1, 0.02, 0.18), 'on-q n=2'), equal(2, 0.05, -0.02, 0.12),
    named(reach(4.1, 1.2, 11.2), 'on-q'), reach(0, 0, 0, null))
  assert.match(first.text, /beam on Q answers 20\.0 points more .* \(N = 1, 150 tokens per problem;/)
  assert.equal(first.tally, 'This is the clearest of 3 such comparisons of beams; the interval excludes zero in 2.')
  assert.match(second.text, /^Beam on Q reaches .* with 4\.1× fewer generated tokens .* This is the best of 2 beams, of which 1 never gets there\.$/)
})

test('where Q + αA has the very numbers of Q, Q is credited', () => {
  const [first] = told(equal(1, 0.2, 0.1, 0.3), named(equal(1, 0.2, 0.1, 0.3), 'on-q n=1'), equal(4, 0.02, -0.1, 0.12))
  assert.match(first.text, /^At equal generated tokens, beam on Q answers 20\.0 points more/)
  assert.match(first.tally!, /clearest of 2 such comparisons of beams/)
})

test('a ratio below 1 is turned round', () => {
  assert.equal(timesFewer(4.1), '4.1× fewer')
  assert.equal(timesFewer(0.25), '4.0× as many')
  assert.equal(rangeWords(0.25, 0.2, 0.5), '2.0× to 5.0×')
  assert.equal(rangeWords(4.1, 0, 11.2), 'never to 11×')
  assert.match(told(reach(0.25, 0.2, 0.5))[0].text, /beam on Q \+ αA \(prover Bo4, α = 0\.5\) needs 4\.0× as many generated tokens as best-of-N/)
})

test('what A adds to Q is a statement of its own', () => {
  const statements = told(equal(8, 0.1, 0.05, 0.15), equal(8, 0.02, -0.01, 0.05, 'on-q'))
  assert.equal(statements.length, 2)
  assert.match(statements[1].text, /and beam on Q cannot be told apart here: .* at the one budget compared/)
})

test('forests stand first, against each of the two that they name first, with how many the best was chosen from', () => {
  const grove = (n: number, b: string, low: number): Comparison => named(equal(n, low + 0.05, low, low + 0.1, b), `grove n=${n}`)
  const statements = told(
    equal(1, 0.3, 0.2, 0.4), grove(1, 'vote', -0.02), grove(4, 'vote', 0.05), grove(4, 'on-q', 0.3), grove(4, 'orm', 0.2),
    { ...reach(10, 6, 14), a: 'grove', b: 'vote n=128' })
  assert.equal(statements.length, 4)
  assert.match(statements[0].text, /guided forest answers 25\.0 points more .* than best-of-N by the outcome verifier \(N = 4, 600/)
  assert.match(statements[1].text, /guided forest answers 10\.0 points more .* than weighted vote \(N = 4/)
  assert.equal(statements[1].tally, 'This is the clearest of 2 such comparisons; the interval excludes zero in 1.')
  assert.match(statements[2].text, /^Guided forest reaches the accuracy of weighted vote \(N = 128\) with 10× fewer generated tokens than weighted vote/)
  assert.match(statements[3].text, /beam on Q \+ αA \(prover Bo4, α = 0\.5\) answers 30\.0 points more/)
})

test('an oracle leads only where nothing else was compared', () => {
  const oracle = named(equal(4, 0.4, 0.3, 0.5), 'oracle n=4')
  assert.match(told(oracle, equal(4, 0.1, 0.05, 0.15))[0].text, /beam on Q \+ αA/)
  assert.match(told(oracle)[0].text, /oracle beam answers 40\.0 points more/)
})

test('a method that the report does not name goes by its id', () =>
  assert.match(told(named(equal(4, 0.4, 0.3, 0.5), 'new-search n=4'))[0].text, /new-search answers 40\.0 points more/))
