import type { Fate, SearchTree, TreeNode } from './data.ts'

/** A step as it is drawn: while a search runs, nothing is decided yet about some. */
export type ShownNode = Omit<TreeNode, 'fate'> & { fate: Fate | 'open' }

/** A tree as it is drawn; whether it is right is unknown where there is no reference answer. */
export type ShownTree = Omit<SearchTree, 'nodes' | 'correct'> & { nodes: ShownNode[]; correct: number | null }

export interface Branch { node: ShownNode; children: Branch[] }

export type Filter = 'all' | 'kept' | 'chosen'

/** The problem itself. A step that was passed without a score may carry any fate. */
export const isRoot = (node: ShownNode): boolean => node.parent < 0

const living = new Set<string>(['root', 'kept', 'finished', 'chosen', 'open'])

/** The chosen trace from the root to its last step: the node with fate `chosen` and all above it. Empty where nothing was chosen. */
export function chosenPath(tree: ShownTree): ShownNode[] {
  const last = deepestChosen(tree)
  return last ? pathTo(tree, last.id) : []
}

function deepestChosen(tree: ShownTree): ShownNode | null {
  const chosen = tree.nodes.filter(n => n.fate === 'chosen')
  return chosen.length === 0 ? null : chosen.reduce((a, b) => pathTo(tree, b.id).length > pathTo(tree, a.id).length ? b : a)
}

/** The nodes from the root's first child down to one node; the root is left out. */
export function pathTo(tree: ShownTree, id: number): ShownNode[] {
  const byId = new Map(tree.nodes.map(n => [n.id, n]))
  const path: ShownNode[] = []
  for (let node = byId.get(id); node && !isRoot(node) && path.length <= tree.nodes.length; node = byId.get(node.parent)) path.unshift(node)
  return path
}

/** How many nodes a filter leaves. */
export const counted = (tree: ShownTree, filter: Filter): number => kept(tree, filter).length

function kept(tree: ShownTree, filter: Filter): ShownNode[] {
  const onPath = new Set(chosenPath(tree).map(n => n.id))
  const keeps = (n: ShownNode): boolean => isRoot(n) || filter === 'all' || (filter === 'kept' ? living.has(n.fate) || onPath.has(n.id) : onPath.has(n.id))
  return tree.nodes.filter(keeps)
}

/**
 * The nested tree that a filter leaves, of a forest one tree after the other, best score first below each state; what was not scored stands
 * last, in the order of the file. Nodes whose parent is not in the file are left out, and of very many the last ones, but for the chosen
 * trace: a parent stands before its children.
 */
export function branches(tree: ShownTree, filter: Filter, most = Infinity): Branch | null {
  const onPath = new Set(chosenPath(tree).map(n => n.id))
  const all = new Map<number, Branch>(
    kept(tree, filter).filter((n, i) => i < most || onPath.has(n.id)).map(node => [node.id, { node, children: [] }]))
  let root: Branch | null = null
  for (const branch of all.values()) {
    if (isRoot(branch.node)) root ??= branch
    else all.get(branch.node.parent)?.children.push(branch)
  }
  const value = (b: Branch): number => b.node.score ?? b.node.q ?? -1e9
  for (const branch of all.values()) branch.children.sort((a, b) => (a.node.tree ?? 0) - (b.node.tree ?? 0) || value(b) - value(a))
  return root
}

/** The tree to begin with: a right answer, by progress if there is one, where the worst step that was avoided was worst. */
export function telling(trees: SearchTree[]): number {
  const dropped = (tree: SearchTree, parent: number): TreeNode[] => tree.nodes.filter(n => n.parent === parent && n.fate === 'pruned')
  const avoided = (tree: SearchTree): number => Math.min(0, ...chosenPath(tree).flatMap(n => dropped(tree, n.parent).map(d => d.a ?? 0)))
  const rank = (tree: SearchTree): number => (tree.correct ? 100 : 0) + (tree.prover != null ? 10 : 0) - avoided(tree)
  return trees.reduce((best, tree, i) => rank(tree) > rank(trees[best]) ? i : best, 0)
}
