import { curveChart, histogramChart, reliabilityChart, stepChart } from './charts.ts'
import type { TrainingCurve, LabelStatistics, ReportData, VerifierMeasures } from './data.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, decimal, percent } from './format.ts'

/** Below this within-problem AUC, search by a verifier is not worth looking at. */
const gate = 0.85

export function verifierSection(report: ReportData): HTMLElement | null {
  const parts: HTMLElement[] = []
  if (report.verifiers.length > 0) parts.push(measures(report.verifiers), reliability(report.verifiers))
  for (const labels of report.labels) parts.push(labelStatistics(labels))
  if (report.curves.length > 0) parts.push(h('h3', {}, 'Training'), ...report.curves.map(curves))
  return parts.length === 0 ? null : section('verifiers', 'Verifiers and labels', null, ...parts)
}

const kinds: Record<string, string> = { outcome: 'outcome of a trace', q: 'Q of a prefix' }

function measures(verifiers: VerifierMeasures[]): HTMLElement {
  return h('div', {},
    h('p', { class: 'lead' }, `The measure that matters for search is the AUC within a problem: how often a right trace scores above a wrong one of the same problem (${gate} is the gate before any search result is looked at). The pooled AUC also rewards knowing which problems are hard. All are measured on held-out problems.`),
    table('Verifiers', [
      { title: 'Verifier', cell: v => v.name },
      { title: 'Predicts', cell: v => kinds[v.kind ?? ''] ?? v.kind ?? '' },
      { title: 'AUC within problem', numeric: true, cell: v => h('span', { class: v.auc_within == null ? null : v.auc_within >= gate ? 'good' : 'bad' }, decimal(v.auc_within)) },
      { title: '95% interval', numeric: true, cell: v => v.auc_within_low == null ? '' : `${decimal(v.auc_within_low)}–${decimal(v.auc_within_high)}` },
      { title: 'AUC pooled', numeric: true, cell: v => decimal(v.auc_pooled) },
      { title: 'Rank in state', numeric: true, cell: v => decimal(v.rank_within_state), hint: 'How often the better of two steps of one state scores higher' },
      { title: 'Correlation', numeric: true, cell: v => decimal(v.correlation), hint: 'With held-out Q̂ per step' },
      { title: 'Brier', numeric: true, cell: v => decimal(v.brier) },
      { title: 'ECE', numeric: true, cell: v => decimal(v.ece), hint: 'Expected calibration error' },
    ], verifiers),
    h('p', { class: 'note' }, 'Rank in state: how often the better of two steps of one state scores higher; 0.5 is chance. '
      + 'Correlation: with the Q̂ of held-out labels, step by step. '
      + 'Brier: mean squared difference between prediction and outcome; 0 is best, and always saying 0.5 gives 0.25. '
      + 'ECE: mean distance between what is predicted and what comes true, over bins of predictions; 0 is best.'))
}

/** A kind of run and its folder; a folder that is called like the kind is not named twice. */
export const titled = (kind: string, path: string): string =>
  kind.toLowerCase().split(' ').includes(path.toLowerCase()) ? kind : `${kind}: ${path}`

const lossLegend = (curve: TrainingCurve): HTMLElement => {
  const key = (color: string, text: string): HTMLElement =>
    h('span', { class: 'method' }, h('span', { class: 'swatch', style: `--color:var(${color})` }), text)
  const heldOut = curve.evaluations.some(p => p.valid_loss != null)
  return h('div', { class: 'keys' }, key('--ink-3', 'loss on the training batches'), heldOut ? key('--accent', 'loss on held-out problems') : null)
}

function reliability(verifiers: VerifierMeasures[]): HTMLElement {
  return h('div', { class: 'grid' }, ...verifiers.filter(v => v.reliability.length > 0).map(v =>
    h('figure', {}, h('figcaption', {}, `Reliability: ${v.name}`), fitted(width => reliabilityChart(v, width)))))
}

function labelStatistics(labels: LabelStatistics): HTMLElement {
  const facts = [
    `${count(labels.traces)} seed traces of ${count(labels.problems)} problems${labels.policy ? ` from ${labels.policy}` : ''}`,
    labels.traces > 0 ? `${percent(labels.correct_traces / labels.traces)} of them right` : '',
    `${count(labels.prefixes)} prefixes with ${count(labels.completions)} completions${labels.prefixes > 0 ? ` (${(labels.completions / labels.prefixes).toFixed(1)} each)` : ''}`,
    labels.strategy ? `strategy: ${labels.strategy.replace('_', ' ')}` : '',
    labels.stride > 1 ? `counted on every ${labels.stride}th line` : '',
  ].filter(Boolean)
  return h('div', { class: 'labels' },
    h('h3', {}, titled('Labels', labels.path)),
    h('p', { class: 'lead' }, `${facts.join('; ')}.`),
    h('div', { class: 'grid two' },
      h('figure', {}, h('figcaption', {}, 'Q̂ over all prefixes'), fitted(width => histogramChart(labels, width))),
      labels.by_step.length > 0 ? h('figure', {}, h('figcaption', {}, 'Mean Q̂ after each step'), fitted(width => stepChart(labels, width))) : null))
}

const measuresOf = (curve: TrainingCurve): string[] => {
  const names = new Set(curve.evaluations.flatMap(Object.keys).filter(k => k.startsWith('valid_') && k !== 'valid_loss'))
  const hasLoss = curve.points.some(p => p.loss != null) || curve.evaluations.some(p => p.valid_loss != null)
  return [...(hasLoss ? ['loss'] : []), ...names]
}

function curves(curve: TrainingCurve): HTMLElement {
  return h('div', { class: 'curve' },
    h('h4', {}, titled(curve.command, curve.path)),
    curve.points.some(p => p.loss != null) ? lossLegend(curve) : null,
    h('div', { class: 'grid' }, ...measuresOf(curve).map(measure => fitted(width => curveChart(curve, measure, width)))))
}
