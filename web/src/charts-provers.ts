import * as Plot from '@observablehq/plot'
import type { ProverReport } from './data.ts'
import { decimal, percent } from './format.ts'

const style = { background: 'transparent', color: 'var(--ink-2)', fontSize: '12px', overflow: 'visible' }
const tip = { fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9 }

/** One predictor over the provers, with its intervals. */
export function predictorChart(choice: ProverReport, predictor: string, digits: number, width: number): Element {
  const rows = choice.provers.flatMap(p => p.predictors[predictor]?.value == null ? [] : [{ name: p.name, ...p.predictors[predictor] }])
  return Plot.plot({
    width, height: 220, marginLeft: 56, marginBottom: 42, marginTop: 20, marginRight: 10, style,
    x: { type: 'point', domain: rows.map(r => r.name), label: 'prover', labelAnchor: 'center', labelArrow: 'none', padding: 0.6 },
    y: { label: null, grid: true, ticks: 5, zero: !predictor.includes('step') },
    marks: [
      Plot.ruleX(rows, { x: 'name', y1: 'low', y2: 'high', stroke: 'var(--accent)', strokeWidth: 1.5 }),
      Plot.dot(rows, { x: 'name', y: 'value', fill: 'var(--accent)', r: 4 }),
      Plot.tip(rows, Plot.pointerX({ x: 'name', y: 'value', ...tip, title: r => `${r.name}\n${decimal(r.value, digits)}  [${decimal(r.low, digits)}, ${decimal(r.high, digits)}]` })),
    ],
  })
}

/** A predictor against the accuracy that each prover's search had. */
export function agreementChart(choice: ProverReport, predictor: string, width: number): Element {
  const rows = choice.search!.provers.flatMap(s => {
    const found = choice.provers.find(p => p.name === s.name)?.predictors[predictor]
    return found?.value == null ? [] : [{ ...s, predicted: found.value }]
  })
  return Plot.plot({
    width, height: 240, marginLeft: 44, marginBottom: 42, marginTop: 20, marginRight: 20, style,
    x: { label: predictor.replaceAll('_', ' '), ticks: 4, labelAnchor: 'center', labelArrow: 'none', nice: true },
    y: { label: 'problems answered', tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: 5, labelArrow: 'none' },
    marks: [
      Plot.ruleX(rows, { x: 'predicted', y1: 'low', y2: 'high', stroke: 'var(--accent)', strokeWidth: 1.2 }),
      Plot.dot(rows, { x: 'predicted', y: 'accuracy', fill: 'var(--accent)', r: 4 }),
      Plot.text(rows, { x: 'predicted', y: 'accuracy', text: 'name', dx: 6, textAnchor: 'start', fill: 'var(--ink-2)' }),
      Plot.tip(rows, Plot.pointer({ x: 'predicted', y: 'accuracy', ...tip, title: r => `${r.name}\npredicted ${decimal(r.predicted, 4)}\naccuracy ${percent(r.accuracy)}` })),
    ],
  })
}
