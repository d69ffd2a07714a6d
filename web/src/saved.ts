import type { ShownTree } from './forest.ts'

export interface SavedTree { title: string; tree: ShownTree }
export interface SavedProblem { problem: string; answer: string }

/** What a file or a pasted text holds: trees to look at, or problems to search. */
export interface Saved { trees: SavedTree[]; problems: SavedProblem[] }

type Row = Record<string, unknown>
const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads an answer of `/v1/chat/completions` or `/v1/completions` with `trace: true`, the last event of `/v1/search` with it, a search's
 * trees.jsonl, or a file of problems. Throws an error with one sentence for anything else.
 */
export function readSaved(text: string): Saved {
  const found: Saved = { trees: [], problems: [] }
  for (const row of rowsOf(text)) {
    const before = found.trees.length
    const add = (tree: unknown, answer: unknown): void => {
      if (isTree(tree)) found.trees.push({ title: titleOf(tree, typeof answer === 'string' ? answer : null), tree: asShown(tree) })
    }
    for (const choice of Array.isArray(row.choices) ? row.choices.filter(isRow) : [])
      if (isRow(choice.pav)) add(choice.pav.tree, choice.pav.answer)
    add(row.tree, row.answer)
    add(row, null)
    if (found.trees.length === before && typeof row.problem === 'string')
      found.problems.push({ problem: row.problem, answer: typeof row.answer === 'string' ? row.answer : '' })
  }
  if (found.trees.length + found.problems.length === 0)
    throw new Error('There is no tree in this: ask for one with "pav": {"trace": true}, or open a trees.jsonl or a file of problems.')
  return found
}

function rowsOf(text: string): Row[] {
  try {
    const whole: unknown = JSON.parse(text)
    return (Array.isArray(whole) ? whole : [whole]).filter(isRow)
  } catch { /* not one JSON value: lines of them, or a stream */ }
  return text.split('\n').map(line => line.replace(/^data: /, '').trim()).filter(line => line.startsWith('{')).flatMap((line, i) => {
    try { return [JSON.parse(line) as Row] } catch { throw new Error(`Line ${i + 1} of the objects in this text is not JSON.`) }
  })
}

const isNode = (value: unknown): boolean =>
  isRow(value) && Number.isInteger(value.id) && Number.isInteger(value.parent)
    && typeof value.step === 'string' && typeof value.fate === 'string'

const isTree = (value: unknown): value is ShownTree =>
  isRow(value) && Array.isArray(value.nodes) && value.nodes.length > 0 && value.nodes.every(isNode) && typeof value.text === 'string'

/** Where no reference answer was known, whether the tree is right is not known either. */
const asShown = (tree: ShownTree): ShownTree =>
  tree.answer ? tree : { ...tree, correct: null, nodes: tree.nodes.map(n => ({ ...n, rex: null })) }

const titleOf = (tree: ShownTree, answer: string | null): string =>
  `${tree.text.split('\n')[0].slice(0, 60)}: ${tree.method}, N = ${tree.n}${answer ? `, answer ${answer}` : ''}`
