import assert from 'node:assert/strict'
import { test } from 'node:test'
import { branches, chosenPath, pathTo, telling } from '../src/forest.ts'
import type { Fate, SearchTree, TreeNode } from '../src/data.ts'

const node = (id: number, parent: number, fate: Fate, score: number): TreeNode => ({ id, parent, step: `step ${id}`, q: score, q_mu: null, a: null, score, fate, rex: null, visits: null, value: null, tree: null })
const tree: SearchTree = {
  problem: 'p', text: '', answer: '1', method: 'beam-q', n: 2, alpha: null, prover: null, correct: 1,
  nodes: [node(0, -1, 'root', 0), node(1, 0, 'kept', 0.3), node(2, 0, 'kept', 0.6), node(3, 0, 'pruned', 0.1), node(4, 1, 'chosen', 0.9), node(5, 2, 'duplicate', 0.2), node(6, 99, 'kept', 0.5)],
}
const ids = (t: SearchTree, filter: 'all' | 'kept' | 'chosen'): number[] => {
  const walk = (b: { node: TreeNode; children: { node: TreeNode; children: never[] }[] }): number[] => [b.node.id, ...b.children.flatMap(c => walk(c))]
  return walk(branches(t, filter) as never)
}

test('the chosen trace runs from the first step to the chosen node', () => {
  assert.deepEqual(chosenPath(tree).map(n => n.id), [1, 4])
  assert.deepEqual(pathTo(tree, 5).map(n => n.id), [2, 5])
  assert.deepEqual(chosenPath({ ...tree, nodes: tree.nodes.slice(0, 3) }), [])
})

test('filters leave what they say, best score first, and drop nodes without a parent', () => {
  assert.deepEqual(ids(tree, 'all'), [0, 2, 5, 1, 4, 3])
  assert.deepEqual(ids(tree, 'kept'), [0, 2, 1, 4])
  assert.deepEqual(ids(tree, 'chosen'), [0, 1, 4])
})

test('the first tree is a right answer by progress that avoided the worst step', () => {
  const withA = (a: number, change: Partial<SearchTree>): SearchTree => ({ ...tree, ...change, nodes: tree.nodes.map(n => n.id === 3 ? { ...n, a } : n) })
  assert.equal(telling([withA(-0.9, { correct: 0, prover: 'bo4' }), withA(-0.9, {}), withA(-0.2, { prover: 'bo4' }), withA(-0.6, { prover: 'bo4' })]), 3)
  assert.equal(telling([withA(-0.9, { correct: 0 })]), 0)
})

test('a circle of parents does not hang', () => {
  const circle = { ...tree, nodes: [node(0, 1, 'kept', 0), node(1, 0, 'chosen', 0)] }
  assert.ok(pathTo(circle, 1).length <= 3)
  assert.equal(branches(circle, 'all'), null)
})

test('the trees of a forest stand one after the other, and what was not scored last', () => {
  const plain = (id: number, parent: number, score: number | null, number: number): TreeNode => ({ ...node(id, parent, 'kept', 0), q: score, score, tree: number })
  const grove = { ...tree, nodes: [node(0, -1, 'root', 0), plain(1, 0, 0.2, 1), plain(2, 0, null, 1), plain(3, 0, null, 1), plain(4, 0, 0.4, 1), plain(5, 0, 0.9, 2)] }
  assert.deepEqual(ids(grove, 'all'), [0, 4, 1, 2, 3, 5])
})

test('of very many nodes the first are drawn, and the chosen trace', () => {
  const root = branches(tree, 'all', 2)!
  assert.deepEqual(root.children.map(b => [b.node.id, b.children.map(c => c.node.id)]), [[1, [4]]])
})
