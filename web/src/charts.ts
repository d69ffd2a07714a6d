import * as Plot from '@observablehq/plot'
import type { LabelStatistics, MethodEntry, MethodSummary, TrainingCurve, VerifierMeasures } from './data.ts'
import { count, decimal, interval, percent } from './format.ts'
import { colorOf, isOracle, symbolOf } from './methods.ts'
import type { Series } from './series.ts'

const style = { background: 'transparent', color: 'var(--ink-2)', fontFamily: 'inherit', fontSize: '12px', overflow: 'visible' }
/** Powers of two (and of ten on wide ranges) inside the domain, with thousands as k. */
const short = (x: number): string => x >= 10000 ? `${Math.round(x / 1000)}k` : x >= 1000 ? `${+(x / 1000).toFixed(1)}k` : `${x}`

export interface ComputeOptions {
  width: number
  height: number
  scored: boolean
  passes: boolean
}

/** Accuracy against tokens per problem (Fig. 4 and 5a of the paper): one line a method, its 95% band, Pass@N dashed. */
export function accuracyChart(series: Series[], options: ComputeOptions): Element {
  const tokens = (p: MethodSummary): number => p.generated_tokens + (options.scored ? p.scored_tokens : 0)
  const drawn = series.map(s => ({ ...s, points: s.points.filter(p => tokens(p) > 0).sort((a, b) => tokens(a) - tokens(b)) })).filter(s => s.points.length > 0)
  const narrow = options.width < 520
  const marks: Plot.Markish[] = [Plot.ruleY([0], { stroke: 'var(--line)' })]
  for (const s of drawn) {
    const color = colorOf(s.entry)
    const banded = s.points.filter(p => p.low != null && p.high != null)
    if (banded.length > 1) marks.push(Plot.areaY(banded, { x: tokens, y1: 'low', y2: 'high', fill: color, fillOpacity: 0.13, curve: 'linear' }))
    else marks.push(Plot.ruleX(banded, { x: tokens, y1: 'low', y2: 'high', stroke: color, strokeOpacity: 0.6 }))
  }
  for (const s of drawn) {
    const color = colorOf(s.entry)
    if (s.points.length > 1)
      marks.push(Plot.line(s.points, {
        x: tokens, y: 'accuracy', stroke: color, strokeWidth: s.entry.kind === 'forest' ? 2.6 : 1.8,
        strokeDasharray: isOracle(s.entry) ? '1 4' : undefined, strokeLinecap: 'round',
      }))
    marks.push(Plot.dot(s.points, { x: tokens, y: 'accuracy', stroke: color, fill: isOracle(s.entry) ? 'var(--panel)' : color, symbol: symbolOf(s.entry), r: 3.6 }))
    const passed = s.points.filter(p => p.pass != null)
    if (options.passes && passed.length > 1)
      marks.push(Plot.line(passed, { x: tokens, y: 'pass', stroke: color, strokeWidth: 1.3, strokeDasharray: '5 4', strokeOpacity: 0.9 }))
  }
  const all = drawn.flatMap(s => s.points.map(p => ({ ...p, series: s.label })))
  marks.push(Plot.tip(all, Plot.pointer({
    x: tokens, y: 'accuracy', fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, lineHeight: 1.35, fontSize: 12,
    title: p => [
      `${p.series}, N = ${p.n}`,
      `accuracy ${percent(p.accuracy)}  [${interval(p.low, p.high)}]`,
      p.pass == null ? '' : `Pass@N ${percent(p.pass)}`,
      `generated ${count(p.generated_tokens)}, scored ${count(p.scored_tokens)} tokens`,
    ].filter(Boolean).join('\n'),
  })))
  const top = Math.max(...all.map(p => Math.max(p.high ?? p.accuracy, p.accuracy, options.passes ? p.pass ?? 0 : 0)), 0.1)
  return Plot.plot({
    width: options.width, height: options.height, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14, style,
    x: { type: 'log', label: options.scored ? 'generated + scored tokens per problem (log)' : 'generated tokens per problem (log)', tickFormat: short, ticks: narrow ? 4 : 8, labelAnchor: 'center', labelArrow: 'none' },
    y: { domain: [0, Math.min(1, top * 1.06)], label: 'problems answered', tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: narrow ? 5 : 8, labelArrow: 'none' },
    marks,
  })
}

export interface Strength { k: number; row: MethodSummary; n: number }

/** What needs no prover, or an oracle, at the same N. */
export interface Level { label: string; entry: MethodEntry; value: number }

/** A search on the effective reward over the strength K of its Best-of-K prover (Fig. 5b), with level lines for what needs no prover. */
export function proverChart(rows: Strength[], levels: Level[], entry: MethodEntry, width: number): Element {
  const color = colorOf(entry)
  const values = [...rows.flatMap(r => [r.row.low ?? r.row.accuracy, r.row.high ?? r.row.accuracy]), ...levels.map(l => l.value)]
  const low = Math.max(0, Math.min(...values) - 0.03), high = Math.min(1, Math.max(...values) + 0.03)
  return Plot.plot({
    width, height: 330, marginLeft: 44, marginBottom: 42, marginTop: 22, marginRight: 14, style,
    x: { type: 'log', base: 2, domain: [Math.min(...rows.map(r => r.k)) / 1.25, Math.max(...rows.map(r => r.k)) * 1.25], label: 'K of the prover BoK(π)', ticks: [...new Set(rows.map(r => r.k))], tickFormat: (k: number) => `${k}`, labelAnchor: 'center', labelArrow: 'none' },
    y: { domain: [low, high], label: 'problems answered', tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: 6, labelArrow: 'none' },
    marks: [
      ...levels.map(l => Plot.ruleY([l.value], { stroke: colorOf(l.entry), strokeWidth: 1.6, strokeDasharray: isOracle(l.entry) ? '1 4' : '6 4' })),
      Plot.ruleX(rows.filter(r => r.row.low != null), { x: 'k', y1: r => r.row.low, y2: r => r.row.high, stroke: color, strokeWidth: 1.5 }),
      Plot.line(rows, { x: 'k', y: r => r.row.accuracy, stroke: color, strokeWidth: 2.2 }),
      Plot.dot(rows, { x: 'k', y: r => r.row.accuracy, fill: color, r: 4.2 }),
      ...levels.map((l, i) => Plot.text([l], { frameAnchor: (['right', 'middle', 'left'] as const)[i % 3], y: 'value', text: 'label', dy: -8, dx: [-4, 0, 4][i % 3], fill: 'var(--ink-2)', stroke: 'var(--panel)', strokeWidth: 4 })),
      Plot.tip(rows, Plot.pointerX({ x: 'k', y: r => r.row.accuracy, fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, title: r => `prover Bo${r.k}, N = ${r.n}\naccuracy ${percent(r.row.accuracy)}  [${interval(r.row.low, r.row.high)}]` })),
    ],
  })
}

/** Predicted against observed Q: on the diagonal a verifier's 0.7 comes true seven times in ten. */
export function reliabilityChart(verifier: VerifierMeasures, width: number): Element {
  const size = Math.min(width, 330)
  return Plot.plot({
    width: size, height: size * 0.92, marginLeft: 40, marginBottom: 40, marginTop: 26, marginRight: 10, style,
    x: { domain: [0, 1], label: 'predicted', ticks: 5, labelAnchor: 'center', labelArrow: 'none' },
    y: { domain: [0, 1], label: 'observed', ticks: 5, grid: true, labelArrow: 'none' },
    r: { range: [2, 9] },
    marks: [
      Plot.line([[0, 0], [1, 1]], { stroke: 'var(--line-2)', strokeDasharray: '4 4' }),
      Plot.line(verifier.reliability, { x: 'predicted', y: 'observed', stroke: 'var(--accent)', strokeWidth: 1.6 }),
      Plot.dot(verifier.reliability, { x: 'predicted', y: 'observed', r: 'count', fill: 'var(--accent)', fillOpacity: 0.75 }),
      Plot.tip(verifier.reliability, Plot.pointer({ x: 'predicted', y: 'observed', fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, title: b => `predicted ${decimal(b.predicted, 2)}\nobserved ${decimal(b.observed, 2)}\n${count(b.count)} prefixes` })),
    ],
  })
}

export function histogramChart(labels: LabelStatistics, width: number): Element {
  return Plot.plot({
    width, height: 220, marginLeft: 52, marginBottom: 40, marginTop: 26, style,
    x: { domain: [0, 1], label: 'Q̂ of a prefix', ticks: 5, labelAnchor: 'center', labelArrow: 'none' },
    y: { label: 'prefixes', grid: true, ticks: 5, tickFormat: short, labelArrow: 'none' },
    marks: [
      Plot.rectY(labels.histogram, { x1: 'low', x2: 'high', y: 'count', fill: 'var(--accent)', fillOpacity: 0.8, insetLeft: 1, insetRight: 1, tip: { fill: 'var(--panel)', stroke: 'var(--line-2)', format: { x: false, y: false, x1: false, x2: false } }, title: b => `Q̂ ${b.low.toFixed(1)} to ${b.high.toFixed(1)}\n${count(b.count)} prefixes` }),
      Plot.ruleY([0], { stroke: 'var(--line-2)' }),
    ],
  })
}

export function stepChart(labels: LabelStatistics, width: number): Element {
  return Plot.plot({
    width, height: 220, marginLeft: 44, marginBottom: 40, marginTop: 26, style,
    x: { label: 'steps taken', labelAnchor: 'center', labelArrow: 'none', ticks: Math.min(labels.by_step.length, 12), tickFormat: (x: number) => Number.isInteger(x) ? `${x}` : '' },
    y: { domain: [0, Math.max(...labels.by_step.map(s => s.mean)) * 1.1 || 1], label: 'mean Q̂', grid: true, ticks: 5, labelArrow: 'none' },
    marks: [
      Plot.line(labels.by_step, { x: 'step', y: 'mean', stroke: 'var(--accent)', strokeWidth: 2 }),
      Plot.dot(labels.by_step, { x: 'step', y: 'mean', fill: 'var(--accent)', r: 3.2 }),
      Plot.tip(labels.by_step, Plot.pointerX({ x: 'step', y: 'mean', fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, title: s => `after ${s.step} steps\nmean Q̂ ${decimal(s.mean)}\n${count(s.count)} prefixes` })),
    ],
  })
}

/** One measure of a training run over its steps; an evaluation of the same measure is drawn over it as dots. */
export function curveChart(curve: TrainingCurve, measure: string, width: number): Element {
  const points = curve.points.filter(p => p[measure] != null)
  const valid = curve.evaluations.filter(p => p[measure === 'loss' ? 'valid_loss' : measure] != null)
  const field = measure === 'loss' ? 'valid_loss' : measure
  return Plot.plot({
    width, height: 210, marginLeft: 48, marginBottom: 40, marginTop: 26, marginRight: 10, style,
    x: { label: 'step', ticks: 5, tickFormat: short, labelAnchor: 'center', labelArrow: 'none' },
    y: {
      label: measure.replace('valid_', 'held-out ').replaceAll('_', ' ').replace('auc', 'AUC'), grid: true, ticks: 5, nice: true, labelArrow: 'none',
      tickFormat: (y: number) => `${+y.toPrecision(3)}`,
    },
    marks: [
      measure === 'loss' ? Plot.line(points, { x: 'step', y: measure, stroke: 'var(--ink-3)', strokeWidth: 1.4 }) : null,
      Plot.line(valid, { x: 'step', y: field, stroke: 'var(--accent)', strokeWidth: 1.8 }),
      Plot.dot(valid, { x: 'step', y: field, fill: 'var(--accent)', r: 2.8 }),
      Plot.tip(valid.length > 0 ? valid : points, Plot.pointerX({ x: 'step', y: valid.length > 0 ? field : measure, fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, title: p => `step ${count(p.step)}\n${(valid.length > 0 ? field : measure).replaceAll('_', ' ')} ${decimal(p[valid.length > 0 ? field : measure], 4)}` })),
    ],
  })
}
