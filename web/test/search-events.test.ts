import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorOf, eventReader, matchingN, newSearch, take, type NamedEvent } from '../src/search-events.ts'
import { readSaved } from '../src/saved.ts'

const run = (...events: [string, unknown][]): ReturnType<typeof newSearch> => {
  const search = newSearch('2 + 2', '4')
  events.forEach(([name, data]) => take(search, { name, data }))
  return search
}

const created = (id: number, parent: number, step: string, more = {}): [string, unknown] =>
  ['node.created', { id, parent, depth: 1, step, tokens: 3, ...more }]

test('events grow a tree whose steps change their fate, and the last word counts', () => {
  const search = run(
    ['search.start', { problem: '2 + 2', method: 'beam-q', label: 'Beam on Q', n: 2, alpha: 0.5 }],
    created(1, 0, 'a'), created(2, 0, 'b'), ['node.pruned', { id: 1 }],
    ['node.kept', { id: 1 }], ['node.pruned', { id: 2 }], created(3, 1, 'c'))
  assert.deepEqual(search.tree.nodes.map(n => [n.parent, n.fate]), [[-1, 'root'], [0, 'kept'], [0, 'pruned'], [1, 'open']])
  assert.equal(search.tokens, 9)
  take(search, { name: 'node.finished', data: { id: 3, answer: '4', correct: 1 } })
  const usage = { generated_tokens: 10, scored_tokens: 7, answer_tokens: 6 }
  take(search, { name: 'search.done', data: { chosen: 3, text: 'ac', answer: '4', correct: 1, finish_reason: 'stop', usage, seconds: 1 } })
  const last = search.tree.nodes[3]
  assert.deepEqual([last.fate, last.rex, search.tree.correct, search.tokens, search.traces], ['chosen', 1, 1, 10, 1])
})

test('a duplicate shows what its twin scored, before and after', () => {
  const scored: [string, unknown] = ['node.scored', { id: 1, q: 0.5, q_mu: 0.9, a: 0.2, reward: 0.6 }]
  const search = run(created(1, 0, 'a'), created(2, 0, 'a', { duplicate_of: 1 }), scored, created(3, 0, 'a', { duplicate_of: 1 }))
  for (const { q, a, score } of search.tree.nodes.slice(1)) assert.deepEqual([q, a, score], [0.5, 0.2, 0.6])
  assert.deepEqual(search.tree.nodes.map(n => n.fate), ['root', 'open', 'duplicate', 'duplicate'])
})

test('the problem has a value and no progress', () => {
  const [root] = run(['node.scored', { id: 0, q: 0.4, q_mu: 0.8, a: 0, reward: 0.4 }]).tree.nodes
  assert.deepEqual([root.q, root.q_mu, root.a, root.score], [0.4, 0.8, null, null])
})

test('a stream is cut into events wherever its pieces end', () => {
  const text = 'event: node.kept\ndata: {"id":1}\n\n: ping\n\nevent: error\ndata: {"error":{"message":"no"}}\n\n'
  for (const size of [1, 7, 1000]) {
    const read = eventReader(), events: NamedEvent[] = []
    for (let i = 0; i < text.length; i += size) events.push(...read(text.slice(i, i + size)))
    assert.deepEqual(events, [{ name: 'node.kept', data: { id: 1 } }, { name: 'error', data: { error: { message: 'no' } } }])
  }
})

test('an error of the server is one sentence', () => {
  assert.equal(errorOf({ error: { message: 'the problem is empty' } }), 'The problem is empty.')
  assert.equal(errorOf({ error: {} }), null)
  assert.equal(errorOf(null), null)
})

test('N is fitted to the tokens of another search', () => {
  assert.equal(matchingN(4, 100, 200), 8)
  assert.equal(matchingN(16, 640, 100), 3)
  assert.equal(matchingN(4, 105, 100), null)
  assert.equal(matchingN(1, 60, 50), null)
  assert.equal(matchingN(4, 1000, 10), 1)
  assert.equal(matchingN(4, 0, 10), null)
})

const tree = {
  problem: 'p', text: 'Start 1', answer: '', method: 'beam-q', n: 4, correct: 0,
  nodes: [{ id: 0, parent: -1, step: '', q: 0.5, q_mu: 0.5, a: null, score: null, fate: 'root' }],
}

test('trees are found in answers, events, files of trees and streams', () => {
  const reply = { choices: [{ index: 0, message: { content: '1' }, pav: { answer: '1', tree } }, { index: 1, pav: { answer: '2', tree } }] }
  const titles = readSaved(JSON.stringify(reply, null, 2)).trees.map(t => t.title)
  assert.deepEqual(titles, ['1', '2'].map(a => `Start 1: beam-q, N = 4, answer ${a}`))
  assert.equal(readSaved(`${JSON.stringify(tree)}\n${JSON.stringify(tree)}\n`).trees.length, 2)
  assert.equal(readSaved(`event: search.done\ndata: ${JSON.stringify({ chosen: 1, answer: '3', tree })}\n\n`).trees.length, 1)
  assert.equal(readSaved(`data: ${JSON.stringify({ choices: [{ pav: { tree } }] })}\n\ndata: [DONE]\n`).trees.length, 1)
})

test('where no reference answer was known a tree is neither right nor wrong', () => {
  assert.equal(readSaved(JSON.stringify(tree)).trees[0].tree.correct, null)
  assert.equal(readSaved(JSON.stringify({ ...tree, answer: '2' })).trees[0].tree.correct, 0)
})

test('a file of problems is read, and anything else is refused in one sentence', () => {
  assert.deepEqual(readSaved('{"id":"a","problem":"1 + 1","answer":"2"}\n').problems, [{ problem: '1 + 1', answer: '2' }])
  for (const text of ['', 'hello', '[]', '{"choices":[]}', '{"nodes":[{}]}'])
    assert.throws(() => readSaved(text), /There is no tree in this/)
  assert.throws(() => readSaved('{"problem":"1"}\n{"problem":'), /Line 2 .* not JSON/)
})
