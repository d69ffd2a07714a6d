import * as Plot from '@observablehq/plot'
import type { FigureSummary, Line, Panel, Finding, ReportData } from './data.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, duration } from './format.ts'
import { colorOf, isOracle, type Methods, methodsOf } from './methods.ts'

const style = { background: 'transparent', color: 'var(--ink-2)', fontFamily: 'inherit', fontSize: '12px', overflow: 'visible' }
const series = [1, 0, 2, 6, 3, 7, 5, 4].map(i => `var(--s-${i})`)
const words: Record<FigureSummary['verdict'], string> = { reproduced: 'Reproduced', partly: 'Partly reproduced', not_reproduced: 'Not reproduced', measured: 'Measured', not_run: 'Not run' }
const tone: Record<FigureSummary['verdict'], string> = { reproduced: 'better', partly: 'open', not_reproduced: 'worse', measured: 'open', not_run: 'open' }

/** `4` is the paper's Figure 4; a word goes beyond it. */
export const figureName = (f: FigureSummary): string => `${/^[0-9]/.test(f.figure) ? 'Figure ' : f.figure === 'G' ? 'Appendix ' : ''}${/^[0-9G]/.test(f.figure) ? `${f.figure}: ` : ''}${f.title}`

export function reproduceHeader(report: ReportData): HTMLElement {
  const figures = report.figures
  const seconds = report.runs.reduce((s, r) => s + (r.seconds ?? 0), 0)
  const claims = figures.filter(f => f.verdict !== 'not_run' && f.verdict !== 'measured')
  const kept = (verdict: FigureSummary['verdict']): number => claims.filter(f => f.verdict === verdict).length
  return h('header', {}, h('p', { class: 'kicker' }, 'Process advantage verifiers'), h('h1', {}, 'The paper’s figures, reproduced'),
    h('p', { class: 'done' }, `Scale ${figures.find(f => f.size.scale)?.size.scale ?? ''} · ${report.runs.length} runs · ${duration(seconds)} in all · on problems and models that come with pav, unless others are named`),
    h('p', { class: 'claim' }, `Of ${claims.length} claims of the paper ${kept('reproduced')} are reproduced, ${kept('partly')} partly, ${kept('not_reproduced')} not.`),
    table('Verdicts', [
      { title: 'Figure', cell: (f: FigureSummary) => h('a', { href: `#figure-${f.figure}` }, figureName(f)) },
      { title: 'Verdict', cell: f => h('span', { class: tone[f.verdict] }, words[f.verdict]) },
      { title: 'Models', cell: f => f.size.models.join(', ') },
      { title: 'Problems', numeric: true, cell: f => f.size.problems > 0 ? count(f.size.problems) : '' },
      { title: 'Seeds', numeric: true, cell: f => f.size.seeds > 0 ? count(f.size.seeds) : '' },
    ], figures))
}

export function reproduceSections(report: ReportData): HTMLElement[] {
  const methods = methodsOf(report.methods)
  return report.figures.map(f => figureSection(f, methods))
}

function figureSection(f: FigureSummary, methods: Methods): HTMLElement {
  const wide = f.panels.length === 1
  return section(`figure-${f.figure}`, figureName(f), f.asks,
    h('p', { class: `claim ${tone[f.verdict]}` }, f.sentence),
    f.findings.length === 0 ? null : table('Ours and the paper’s', [
      { title: 'Measured', cell: (x: Finding) => x.what },
      { title: 'Here', numeric: true, cell: x => number(x) },
      { title: 'The paper', cell: x => x.paper ?? '' },
    ], f.findings),
    h('div', { class: wide ? '' : 'grid two' }, ...f.panels.map(p => panelFigure(p, wide, methods))),
    ...f.notes.map(note => h('p', { class: 'note' }, note)),
    f.rule ? h('p', { class: 'note' }, `How the verdict was chosen. ${f.rule}`) : null,
    f.size.seconds > 0 ? h('p', { class: 'note' }, `${f.intervals ? `Bands and brackets. ${f.intervals} ` : ''}${f.panels.some(p => p.lines.some(l => l.seeds.length > 0)) ? 'Thin lines are the seeds. ' : ''}${count(f.size.tokens)} tokens generated or trained on and ${duration(f.size.seconds)} of computing, parts shared with other figures counted here too.`) : null)
}

/** A number of ours with its interval, as in docs/results.md. */
export function number(x: Finding): string {
  if (x.value == null) return '–'
  const [scale, digits, unit] = x.unit === 'points' ? [100, 1, ' points'] : x.unit === 'share' ? [100, 1, '%'] : x.unit === 'times' ? [1, 1, ' times'] : [1, null, x.unit ? ` ${x.unit}` : '']
  const sign = (y: number): string => x.unit === 'points' && y >= 0 ? '+' : y < 0 ? '−' : ''
  const text = (y: number | null | undefined): string => y == null ? '∞' : `${sign(y)}${digits == null ? +Math.abs(scale * y).toFixed(3) : Math.abs(scale * y).toFixed(digits)}`
  return x.low == null && x.high == null ? `${text(x.value)}${unit}` : `${text(x.value)}${unit} [${text(x.low)}, ${text(x.high)}]`
}

/** How a line is drawn: as one of a series, as a level, or as the method that it is of. */
interface Pen { colour: string; dashes: string | undefined }

function penOf(line: Line, methods: Methods): Pen {
  const numbered = /^(series|level)-(\d+)$/.exec(line.kind)
  if (numbered) return { colour: series[Number(numbered[2]) % series.length], dashes: numbered[1] === 'level' ? '5 4' : undefined }
  if (line.kind === 'pass') return { colour: 'var(--ink-3)', dashes: '5 4' }
  const entry = methods.get(line.kind)
  return entry ? { colour: colorOf(entry), dashes: isOracle(entry) ? '1 4' : undefined } : { colour: 'var(--s-6)', dashes: undefined }
}

function panelFigure(panel: Panel, wide: boolean, methods: Methods): HTMLElement {
  const pens = new Map(panel.lines.map(l => [l, penOf(l, methods)]))
  const legend = h('div', { class: 'legend' }, ...panel.lines.map(l => h('span', { class: `key ${pens.get(l)!.dashes ? 'dotted' : ''}` }, h('span', { class: 'swatch', style: `--color:${pens.get(l)!.colour}` }), l.name)))
  return h('figure', {}, h('figcaption', {}, panel.title), legend, fitted(width => panelChart(panel, pens, width, wide ? 400 : 320)))
}

const short = (x: number): string => x >= 1e6 ? `${+(x / 1e6).toFixed(1)}M` : x >= 1e4 ? `${Math.round(x / 1000)}k` : x >= 1000 ? `${+(x / 1000).toFixed(1)}k` : `${+x.toFixed(2)}`

function panelChart(panel: Panel, pens: ReadonlyMap<Line, Pen>, width: number, height: number): Element {
  const text = (y: number): string => panel.percent ? `${(100 * y).toFixed(1)}%` : `${+y.toFixed(3)}`
  const marks: Plot.Markish[] = []
  for (const l of panel.lines) {
    const { colour } = pens.get(l)!
    const banded = l.points.filter(p => p.low != null && p.high != null)
    if (banded.length > 1) marks.push(Plot.areaY(banded, { x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.13 }))
    else marks.push(Plot.ruleX(banded, { x: 'x', y1: 'low', y2: 'high', stroke: colour, strokeOpacity: 0.7 }))
  }
  for (const l of panel.lines) {
    const { colour, dashes } = pens.get(l)!
    for (const s of l.seeds) marks.push(Plot.line(s.points, { x: 'x', y: 'y', stroke: colour, strokeWidth: 0.7, strokeOpacity: 0.6 }))
    marks.push(Plot.line(l.points, { x: 'x', y: 'y', stroke: colour, strokeWidth: 2.1, strokeDasharray: dashes, strokeLinecap: 'round' }))
    if (l.points.length <= 20 && !l.kind.startsWith('level')) marks.push(Plot.dot(l.points, { x: 'x', y: 'y', fill: colour, r: 3.3 }))
  }
  const all = panel.lines.flatMap(l => l.points.map(p => ({ ...p, name: l.name })))
  const level = (y: number): string => y.toFixed(panel.percent ? 1 : 3)
  marks.push(Plot.tip(all, Plot.pointer({
    x: 'x', y: 'y', fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, lineHeight: 1.35, fontSize: 12,
    title: p => [p.n != null && p.n !== p.x ? `${p.name}, N = ${p.n}` : p.name, `${panel.x}: ${short(p.x)}`, `${text(p.y)}${p.low != null && p.high != null ? `  [${panel.percent ? `${level(100 * p.low)}–${level(100 * p.high)}` : `${level(p.low)}–${level(p.high)}`}]` : ''}`].join('\n'),
  })))
  const xs = [...new Set(all.map(p => p.x))].sort((a, b) => a - b)
  const few = xs.length <= 9
  const ys = all.flatMap(p => [p.y, p.low ?? p.y, p.high ?? p.y])
  const [least, most] = [Math.min(...ys), Math.max(...ys)]
  const room = Math.max(0.02, 0.06 * (most - least))
  return Plot.plot({
    width, height, marginLeft: 48, marginBottom: 42, marginTop: 24, marginRight: 16, style,
    x: { type: panel.log_x ? 'log' : 'linear', ...(panel.log_x && few ? { base: 2 } : {}), label: panel.x, ...(few ? { ticks: xs } : { ticks: panel.log_x ? 4 : 6 }), tickFormat: short, labelAnchor: 'center', labelArrow: 'none' },
    y: { domain: panel.percent ? [Math.max(0, least - room), Math.min(1, most + room)] : undefined, nice: !panel.percent, label: panel.y, tickFormat: panel.percent ? (y: number) => `${Math.round(100 * y)}%` : short, grid: true, ticks: 6, labelArrow: 'none' },
    marks,
  })
}
