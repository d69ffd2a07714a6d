type Child = Node | string | null | undefined | false
type Props = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>

/** An HTML element with attributes, `on…` listeners and children. Text is always text: nothing from a run folder is parsed as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), props, children)
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children)
}

function filled<E extends Element>(element: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((c): c is Node | string => c != null && c !== false))
  return element
}

export function section(id: string, title: string, lead: string | null, ...children: Child[]): HTMLElement {
  return h('section', { id, 'aria-labelledby': `${id}-title` }, h('h2', { id: `${id}-title` }, title), lead ? h('p', { class: 'lead' }, lead) : null, ...children)
}

/** What stands in a section's place when the run folders hold nothing for it. */
export const missing = (text: string): HTMLElement => h('p', { class: 'missing' }, text)

export interface Column<T> { title: string; cell: (row: T) => Child; numeric?: boolean; hint?: string }

export function table<T>(caption: string, columns: Column<T>[], rows: T[], rowClass: (row: T) => string | null = () => null): HTMLElement {
  const cellClass = (c: Column<T>): string | null => c.numeric ? 'number' : null
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', {}, h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, ...columns.map(c => h('th', { scope: 'col', class: cellClass(c), title: c.hint }, c.title)))),
      h('tbody', {}, ...rows.map(row => h('tr', { class: rowClass(row) },
        ...columns.map((c, i) => h(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : null, class: cellClass(c) }, c.cell(row))))))))
}

export type Chart = HTMLElement & { redraw(): void }

/** Draws a chart at its container's width, and again when the width changes. */
export function fitted(draw: (width: number) => Node): Chart {
  let drawn = 0
  const box: Chart = Object.assign(h('div', { class: 'chart' }), { redraw: () => { if (drawn > 0) box.replaceChildren(draw(drawn)) } })
  new ResizeObserver(entries => {
    const width = Math.floor(entries[0].contentRect.width)
    if (width <= 0 || width === drawn) return
    drawn = width
    requestAnimationFrame(box.redraw)
  }).observe(box)
  return box
}
