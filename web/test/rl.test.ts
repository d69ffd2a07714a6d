import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentence } from '../src/rl.ts'

const ratio = (value: number, low: number | null = null, high: number | null = null) => ({ value, low, high })
const comparison = {
  a: 'pav alpha=3', b: 'orm', seeds: 3, difference: ratio(0.11, -0.02, 0.24), reached: 3, from_start: 0,
  iterations: ratio(2.4, 1.2, 4.8), tokens: ratio(2.4), all_tokens: ratio(2), labelled_tokens: ratio(0.25),
}

test('costs below 1 are turned round', () => {
  assert.equal(sentence(comparison),
    'Progress rewards α = 3 end +11.0 points [−2.0 to +24.0] from outcome rewards. They reach the last accuracy of outcome rewards with 2.4× fewer iterations '
    + '[1.2× to 4.8×] and 2.4× fewer tokens (2.0× fewer with those of the prover during RL; 4.0× as many with those of its verifier’s labels as well).')
})

test('a saving whose interval holds 1 is not shown', () => {
  assert.match(sentence({ ...comparison, iterations: ratio(0.5, 0.25, 2), reached: 2 }),
    /with 2\.0× as many iterations \[0\.50× to 4\.0×\] .* on 2 of 3 seeds; the interval includes 1, so no saving of iterations is shown\.$/)
})

test('what is not reached has no ratio', () => {
  assert.match(sentence({ ...comparison, iterations: null, from_start: 1 }),
    /They do not reach the last accuracy of outcome rewards on 2 of 3 seeds\. On 1 of 3 seeds that end is no higher than where RL began\.$/)
})
