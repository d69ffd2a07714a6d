import type { Tree, TreeNode } from './data.ts'

export interface Branch { node: TreeNode; children: Branch[] }

export type Filter = 'all' | 'kept' | 'chosen'

const living = new Set(['root', 'kept', 'finished', 'chosen'])

/** The chosen trace from the root to its last step: the node with fate `chosen` and all above it. Empty where nothing was chosen. */
export function chosenPath(tree: Tree): TreeNode[] {
  const last = deepestChosen(tree)
  return last ? pathTo(tree, last.id) : []
}

function deepestChosen(tree: Tree): TreeNode | null {
  const chosen = tree.nodes.filter(n => n.fate === 'chosen')
  return chosen.length === 0 ? null : chosen.reduce((a, b) => pathTo(tree, b.id).length > pathTo(tree, a.id).length ? b : a)
}

/** The nodes from the root's first child down to one node; the root is left out. */
export function pathTo(tree: Tree, id: number): TreeNode[] {
  const byId = new Map(tree.nodes.map(n => [n.id, n]))
  const path: TreeNode[] = []
  for (let node = byId.get(id); node && node.fate !== 'root' && path.length <= tree.nodes.length; node = byId.get(node.parent)) path.unshift(node)
  return path
}

/** The nested tree that a filter leaves, best score first below each state. Nodes whose parent is not in the file are left out. */
export function branches(tree: Tree, filter: Filter): Branch | null {
  const onPath = new Set(chosenPath(tree).map(n => n.id))
  const keeps = (n: TreeNode): boolean => n.fate === 'root' || filter === 'all' || (filter === 'kept' ? living.has(n.fate) || onPath.has(n.id) : onPath.has(n.id))
  const all = new Map<number, Branch>(tree.nodes.filter(keeps).map(node => [node.id, { node, children: [] }]))
  let root: Branch | null = null
  for (const branch of all.values()) {
    if (branch.node.parent < 0) root ??= branch
    else all.get(branch.node.parent)?.children.push(branch)
  }
  const value = (b: Branch): number => b.node.score ?? b.node.q ?? -Infinity
  for (const branch of all.values()) branch.children.sort((a, b) => value(b) - value(a))
  return root
}

/** The tree to begin with: a right answer, by progress if there is one, where the worst step that was avoided was worst. */
export function telling(trees: Tree[]): number {
  const dropped = (tree: Tree, parent: number): TreeNode[] => tree.nodes.filter(n => n.parent === parent && n.fate === 'pruned')
  const avoided = (tree: Tree): number => Math.min(0, ...chosenPath(tree).flatMap(n => dropped(tree, n.parent).map(d => d.a ?? 0)))
  const rank = (tree: Tree): number => (tree.correct ? 100 : 0) + (tree.prover != null ? 10 : 0) - avoided(tree)
  return trees.reduce((best, tree, i) => rank(tree) > rank(trees[best]) ? i : best, 0)
}
