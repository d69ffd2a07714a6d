import type { MethodEntry, MethodKind } from './data.ts'

/** The search methods of a report, by id, in the order of tables. */
export type Methods = ReadonlyMap<string, MethodEntry>

export const methodsOf = (entries: MethodEntry[]): Methods => new Map(entries.map(e => [e.id, e]))

/** A method that the report does not name goes by its id. */
export const entryOf = (methods: Methods, id: string): MethodEntry =>
  methods.get(id) ?? { id, label: id, kind: null, place: 0, compare_with: [] }

/** Kinds in words, in the order in which their methods are told of: what a guided search does best stands first. */
const kinds: Record<MethodKind, { title: string; several: string }> = {
  forest: { title: 'Forests', several: 'forests' },
  beam: { title: 'Beams', several: 'beams' },
  tree: { title: 'Searches of one tree', several: 'tree searches' },
  particles: { title: 'Particle filters', several: 'particle filters' },
  ranking: { title: 'Ranked samples', several: 'ways to rank samples' },
  sampling: { title: 'Samples', several: 'ways to sample' },
  oracle: { title: 'Oracle searches', several: 'oracle searches' },
}
export const kindOrder = Object.keys(kinds) as MethodKind[]
export const kindTitle = (kind: MethodKind | null): string => kind == null ? 'Others' : kinds[kind].title
export const kindPlural = (kind: MethodKind | null): string => kind == null ? 'methods' : kinds[kind].several

/** Colours of a kind in style.css. */
const shades = 6
const symbols = ['circle', 'triangle', 'square', 'diamond', 'star', 'cross', 'wye'] as const

export const colorOf = (entry: MethodEntry): string => entry.kind == null ? 'var(--ink-3)' : `var(--k-${entry.kind}-${entry.place % shades})`
export const symbolOf = (entry: MethodEntry): typeof symbols[number] => symbols[entry.place % symbols.length]
export const isOracle = (entry: MethodEntry): boolean => entry.kind === 'oracle'

/** The methods of the same kind that a method is compared with: it is one of them with something added. */
export const basesOf = (entry: MethodEntry, methods: Methods): MethodEntry[] =>
  entry.compare_with.flatMap(id => methods.get(id) ?? []).filter(b => b.kind === entry.kind)

/** A label within a sentence; its N is a number where that is known. */
export function labelWithin(entry: MethodEntry, n: number | null): { text: string; namesN: boolean } {
  const text = entry.label === entry.id || /^[A-Z]{2}/.test(entry.label) ? entry.label : entry.label[0].toLowerCase() + entry.label.slice(1)
  return n != null && /-N\b/.test(text) ? { text: text.replace(/-N\b/, `-${n}`), namesN: true } : { text, namesN: false }
}
