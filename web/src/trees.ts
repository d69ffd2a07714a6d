import { hierarchy, tree as layout, type HierarchyPointNode } from 'd3-hierarchy'
import type { ReportData, SearchTree } from './data.ts'
import { h, missing, section, svg } from './dom.ts'
import { branches, chosenPath, counted, isRoot, pathTo, telling } from './forest.ts'
import type { Branch, Filter, ShownNode, ShownTree } from './forest.ts'
import { count, decimal, proverName, signed } from './format.ts'
import { entryOf, methodsOf } from './methods.ts'

const box = { least: 74, most: 212, height: 40, gapY: 9, root: 84 }

/** How wide the boxes of a tree are, so that all its depths stand beside one another where they can. */
interface Size { width: number; gap: number }

function sizeFor(depth: number, room: number): Size {
  const each = (room - box.root) / Math.max(1, depth)
  const gap = each > 180 ? 34 : 10
  return { width: Math.max(box.least, Math.min(box.most, Math.floor(each - gap))), gap }
}

/** Above this many nodes the pruned ones are hidden at first, and above that many others all but the chosen trace. */
const crowded = 70, overfull = 400

/** No more nodes than this are drawn. */
const most = 1500

const fates: Record<string, string> = {
  root: 'the problem', kept: 'kept', pruned: 'pruned', duplicate: 'merged with an equal step', finished: 'finished', chosen: 'chosen',
  open: 'not decided',
}

/** Progress as a colour between the two ends of the scale; |A| = 0.5 is as strong as it gets. */
function progressColor(a: number | null): string {
  if (a == null) return 'var(--neutral)'
  const strength = Math.round(100 * Math.min(1, Math.abs(a) / 0.5))
  return `color-mix(in oklab, var(${a < 0 ? '--worse' : '--better'}) ${strength}%, var(--neutral))`
}

export function treeSection(report: ReportData): HTMLElement | null {
  const title = 'Search trees'
  const set = report.trees
  if (!set || set.trees.length === 0) return null

  const methods = methodsOf(report.methods)
  const stage = h('div', { class: 'stage' })
  const name = (t: SearchTree): string => `${t.problem}: ${entryOf(methods, t.method).label}, N = ${t.n}${t.prover ? `, ${proverName(t.prover)}` : ''} – ${t.correct ? 'right' : 'wrong'}`
  const select = h('select', { id: 'tree-choice' }, ...set.trees.map((t, i) => h('option', { value: i }, name(t))))
  select.selectedIndex = telling(set.trees)
  const show = (): void => stage.replaceChildren(savedTree(set.trees[Number(select.value)]))
  select.addEventListener('change', show)
  const step = (by: number): void => { select.selectedIndex = Math.min(set.trees.length - 1, Math.max(0, select.selectedIndex + by)); show() }
  show()
  return section('trees', title,
    'Every step that was considered, from left to right. Colour is the progress A of the step: how much it raised the prover’s chance of a right answer. A problem can be answered although a step fell back, and the other way round.',
    h('div', { class: 'controls' },
      h('label', { for: 'tree-choice' }, 'Problem'), select,
      h('button', { type: 'button', class: 'key', onclick: () => step(-1) }, '← previous'), h('button', { type: 'button', class: 'key', onclick: () => step(1) }, 'next →'),
      set.total > set.trees.length ? h('span', { class: 'note' }, `${set.trees.length} of ${set.total} trees are in this report`) : null),
    stage)
}

/** A tree that is whole, below its problem. */
export function savedTree(tree: ShownTree): HTMLElement {
  const outcome = tree.correct == null || tree.answer === '' ? ''
    : `Reference answer ${tree.answer}; the search answered ${tree.correct ? 'right' : 'wrong'}`
  const alpha = tree.alpha != null ? `α = ${tree.alpha}` : ''
  const note = [outcome, alpha].filter(s => s !== '').join('; ')
  return h('div', {},
    h('div', { class: 'problem' }, h('p', { class: 'text' }, tree.text), note ? h('p', { class: 'note' }, `${note}.`) : null),
    treeView(tree).element)
}

export interface TreeView {
  element: HTMLElement
  /** Draws the tree anew after it has grown; at last with `growing` false. */
  update(growing: boolean): void
}

/** The drawing of a tree with its filters, its chosen trace and the values of the step that is picked. */
export function treeView(tree: ShownTree, growing = false): TreeView {
  const fitting = (): Filter => growing || tree.nodes.length <= crowded ? 'all'
    : counted(tree, 'kept') <= overfull || chosenPath(tree).length === 0 ? 'kept' : 'chosen'
  const first = (): number | null => growing ? null : chosenPath(tree).at(-1)?.id ?? tree.nodes.find(n => isRoot(n))?.id ?? null
  let wanted: Filter | null = null, picked: number | null = null
  const filter = (): Filter => wanted ?? fitting()
  const panel = h('aside', { class: 'panel', 'aria-label': 'The step that is picked' })
  const canvas = h('div', { class: 'canvas', tabindex: 0, role: 'region', 'aria-label': 'Search tree; arrow keys go from step to step' })
  const mark = (id: number): void => {
    canvas.querySelectorAll('.node').forEach(n => {
      const isIt = n.getAttribute('data-id') === String(id)
      n.classList.toggle('selected', isIt)
      n.setAttribute('tabindex', isIt ? '0' : '-1')
    })
    panel.replaceChildren(details(tree, id))
  }
  const pick = (id: number): void => { picked = id; mark(id) }
  canvas.addEventListener('keydown', event => walk(canvas, event))
  const cut = h('p', { class: 'note' })
  const draw = (): void => {
    if (canvas.clientWidth === 0) return
    const focused = canvas.contains(document.activeElement) ? document.activeElement?.getAttribute('data-id') : null
    const followsGrowth = growing && canvas.scrollWidth - canvas.clientWidth - canvas.scrollLeft < 40
    canvas.replaceChildren(drawing(tree, filter(), pick, canvas.clientWidth))
    if (followsGrowth) canvas.scrollLeft = canvas.scrollWidth
    const left = counted(tree, filter())
    cut.textContent = left > most ? `The first ${most} of ${left} nodes are drawn, and the chosen trace.` : ''
    const shown = picked ?? first()
    if (shown != null) mark(shown)
    else canvas.querySelector('.node')?.setAttribute('tabindex', '0')
    if (focused != null) canvas.querySelector<SVGGElement>(`.node[data-id="${focused}"]`)?.focus({ preventScroll: true })
  }
  const filters: Filter[] = ['all', 'kept', 'chosen']
  const words = (value: Filter): string =>
    value === 'all' ? `all ${tree.nodes.length} nodes` : value === 'kept' ? `${counted(tree, 'kept')} without pruned` : 'chosen trace'
  const label = (): void => buttons.forEach((button, i) => {
    button.textContent = words(filters[i])
    button.setAttribute('aria-pressed', String(filters[i] === filter()))
  })
  const buttons = filters.map(value => h('button', {
    type: 'button', class: 'key', onclick: () => {
      wanted = value
      label()
      draw()
      focusChosen(canvas)
    },
  }))
  const chosen = h('div', {})
  const tell = (): void => {
    label()
    chosen.replaceChildren(growing ? missing('No trace is chosen yet.') : trace(tree))
    if (growing && picked == null) panel.replaceChildren(missing('Pick a step to see its values.'))
  }
  tell()
  let drawn = 0
  new ResizeObserver(() => {
    if (canvas.clientWidth === drawn) return
    drawn = canvas.clientWidth
    requestAnimationFrame(() => { draw(); focusChosen(canvas) })
  }).observe(canvas)
  return {
    element: h('div', {},
      h('div', { class: 'controls' }, h('span', { class: 'group', role: 'group', 'aria-label': 'Nodes shown' }, ...buttons), scale()),
      canvas, cut,
      h('div', { class: 'split' }, chosen, panel)),
    update: isGrowing => {
      const ends = growing && !isGrowing
      growing = isGrowing
      tell()
      draw()
      if (!ends) return
      canvas.scrollLeft = 0
      focusChosen(canvas)
    },
  }
}

/** Arrow keys go to the step before, the first after, and the neighbours of the same depth; Home is the problem, End the chosen trace's end. */
function walk(canvas: HTMLElement, event: KeyboardEvent): void {
  const from = (event.target as Element).closest('.node')
  if (!from) return
  const nodes = [...canvas.querySelectorAll<SVGGElement>('.node')]
  const read = (node: Element, name: string): string => node.getAttribute(`data-${name}`) ?? ''
  const level = nodes.filter(n => read(n, 'depth') === read(from, 'depth'))
  const place = level.findIndex(n => n === from)
  const target: Record<string, () => SVGGElement | undefined> = {
    ArrowLeft: () => nodes.find(n => read(n, 'id') === read(from, 'parent')),
    ArrowRight: () => nodes.find(n => read(n, 'parent') === read(from, 'id')),
    ArrowUp: () => level[place - 1],
    ArrowDown: () => level[place + 1],
    Home: () => nodes[0],
    End: () => nodes.filter(n => n.classList.contains('chosen')).at(-1),
  }
  const next = target[event.key]
  if (!next) return
  event.preventDefault()
  next()?.focus()
}

function scale(): HTMLElement {
  return h('span', { class: 'scale' }, 'A', ...[-0.5, -0.25, 0, 0.25, 0.5].map(a => h('span', { class: 'tick', style: `background:${progressColor(a)}` }, signed(a, 2).replace('0.00', '0'))),
    h('span', { class: 'fate chosen' }, 'chosen'), h('span', { class: 'fate kept' }, 'kept'), h('span', { class: 'fate pruned' }, 'pruned'), h('span', { class: 'fate duplicate' }, 'duplicate'))
}

/** Between the trees of a forest there is more room. */
const apart = (a: HierarchyPointNode<Branch>, b: HierarchyPointNode<Branch>): number => treeOf(a) === treeOf(b) ? 1 : 1.7
const treeOf = (point: HierarchyPointNode<Branch>): number | null => point.data.node.tree ?? null

function drawing(tree: ShownTree, filter: Filter, pick: (id: number) => void, room: number): Element {
  const data = branches(tree, filter, most)
  if (!data) return missing('This tree has no root.')
  const root = layout<Branch>().nodeSize([box.height + box.gapY, 1]).separation(apart)(hierarchy(data, b => b.children))
  const size = sizeFor(root.height, room - 38)
  /** Where the boxes of a depth begin; the root’s is a small one. */
  const left = (depth: number): number => depth === 0 ? 0 : box.root + size.gap + (depth - 1) * (size.width + size.gap)
  const nodes = root.descendants()
  const top = Math.min(...nodes.map(n => n.x)) - box.height / 2 - 8
  const bottom = Math.max(...nodes.map(n => n.x)) + box.height / 2 + 8
  const width = left(root.height) + (root.height === 0 ? box.root : size.width) + 16
  const onPath = new Set([...chosenPath(tree).map(n => n.id), data.node.id])
  return svg('svg', { width, height: bottom - top, viewBox: `-8 ${top} ${width} ${bottom - top}`, role: 'group' },
    ...root.links().map(link => svg('path', {
      class: `link ${link.target.data.node.fate}${onPath.has(link.target.data.node.id) ? ' path' : ''}`,
      d: curve(left(link.target.depth) - size.gap, link.source.x, left(link.target.depth), link.target.x),
    })),
    ...nodes.map(n => nodeBox(n, left(n.depth), size.width, onPath, pick)))
}

const curve = (x1: number, y1: number, x2: number, y2: number): string => `M${x1},${y1}C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`

/** A narrow box has no room for Q and the fate; the panel tells them, and the border the fate. */
const narrow = 150

function nodeBox(point: HierarchyPointNode<Branch>, left: number, width: number, onPath: Set<number>, pick: (id: number) => void): Element {
  const node = point.data.node
  const root = isRoot(node)
  const fate = onPath.has(node.id) && !root ? 'chosen' : node.fate
  const label = root ? 'problem' : words(node)
  const pad = width < narrow ? 5 : 9
  const outcome = node.rex == null ? '' : node.rex ? ' ✓' : ' ✗'
  return svg('g', {
    class: `node ${fate}`, transform: `translate(${left},${point.x - box.height / 2})`, tabindex: -1, role: 'button', 'data-id': node.id,
    'data-parent': node.parent, 'data-depth': point.depth,
    'aria-label': `${label}, ${node.q == null ? 'not scored' : `Q ${decimal(node.q, 2)}, progress ${signed(node.a)}`}, ${fates[fate] ?? fate}`,
    onclick: () => pick(node.id), onfocus: () => pick(node.id),
  },
    svg('rect', { width: root ? box.root : width, height: box.height, rx: 6, style: `fill:${root ? 'var(--panel-2)' : progressColor(node.a)}` }),
    svg('text', { x: pad, y: 16, class: 'step' }, clip(label, Math.floor(((root ? box.root : width) - 2 * pad) / 6.4)), svg('title', {}, label)),
    svg('text', { x: pad, y: 32, class: 'values' }, valuesOf(node, width < narrow)),
    root ? null : svg('text', { x: width - pad, y: 32, class: 'values', 'text-anchor': 'end' }, width < narrow ? outcome.trim() || (node.visits == null ? '' : `${node.visits}×`) : `${node.visits == null ? (fate === 'open' ? '…' : fate) : `${node.visits}×`}${outcome}`))
}

/** Q and A of a node as its box has room for them; of a tree search whose nodes have no A, Q alone. */
function valuesOf(node: ShownNode, isNarrow: boolean): string {
  if (isRoot(node)) return node.q == null ? '' : `V ${decimal(node.q, 2)}`
  if (node.q == null) return isNarrow ? '' : 'not scored'
  const [q, a] = [`Q ${decimal(node.q, 2)}`, `A ${signed(node.a)}`]
  return node.a == null ? q : isNarrow ? a : `${q}\u2002${a}`
}

const clip = (text: string, length: number): string => text.length <= length ? text : `${text.slice(0, length - 1)}…`

function focusChosen(canvas: HTMLElement): void {
  const chosen = canvas.querySelector<SVGGElement>('.node.chosen') ?? canvas.querySelector<SVGGElement>('.node')
  if (!chosen) return
  const frame = canvas.getBoundingClientRect(), target = chosen.getBoundingClientRect()
  canvas.scrollTop += target.top - frame.top - frame.height / 2
}

function details(tree: ShownTree, id: number): HTMLElement {
  const node = tree.nodes.find(n => n.id === id)!
  const root = isRoot(node)
  const trees = Math.max(...tree.nodes.map(n => n.tree ?? 0))
  const facts: ([string, string, string] | null)[] = [
    [root ? 'V' : 'Q', 'π', node.q == null && !root ? 'not scored' : decimal(node.q)],
    node.q_mu != null ? [root ? 'V' : 'Q', 'μ', decimal(node.q_mu)] : null,
    node.a != null && !root ? ['A', 'μ', signed(node.a, 3)] : null,
    node.score != null && !root ? ['score', '', decimal(node.score)] : null,
    node.visits != null ? ['visits', '', count(node.visits)] : null,
    node.value != null ? ['mean found below', '', decimal(node.value)] : null,
    ['fate', '', fates[node.fate] ?? node.fate],
    node.tree != null && trees > 1 ? ['tree', '', `${node.tree} of ${trees}`] : null,
    node.rex != null ? ['outcome', '', node.rex ? 'right answer' : 'wrong answer'] : null,
  ]
  return h('div', {},
    h('h4', {}, root ? 'The problem' : `Step ${pathTo(tree, id).length}`),
    h('p', { class: 'text' }, root ? tree.text : words(node)),
    h('dl', { class: 'pairs' }, ...facts.filter(f => f !== null).flatMap(([name, policy, value]) => [h('dt', {}, name, policy ? h('sup', {}, policy) : null), h('dd', {}, value)])),
    ...(root || chosenPath(tree).at(-1)?.id === id ? [] : [h('h4', {}, 'The trace up to here'), steps(pathTo(tree, id))]))
}

function trace(tree: ShownTree): HTMLElement {
  const path = chosenPath(tree)
  return path.length === 0 ? missing('No trace was chosen: none finished.')
    : h('div', { class: 'trace' },
      h('h3', {}, `The chosen trace${tree.correct == null ? '' : tree.correct ? ' (right)' : ' (wrong)'}`), steps(path))
}

/** A step without text is the choice to stop after a newline. */
const words = (node: ShownNode): string => node.step.trim() || '(stops)'

const steps = (path: ShownNode[]): HTMLElement => h('ol', { class: 'steps' }, ...path.map(n =>
  h('li', { style: `--progress:${progressColor(n.a)}` }, h('span', { class: 'text' }, words(n)), h('span', { class: 'values' }, n.a == null ? null : `A ${signed(n.a)}`, h('span', {}, n.q == null ? 'not scored' : `Q ${decimal(n.q, 2)}`)))))
