import * as Plot from '@observablehq/plot'
import type { DidacticRow, AccuracyCurve, PassCurve, Reach, SpeedRow, StrengthRow, TabularRow } from './data.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, decimal, percent } from './format.ts'

const style = { background: 'transparent', color: 'var(--ink-2)', fontFamily: 'inherit', fontSize: '12px', overflow: 'visible' }
const tip = { fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9, lineHeight: 1.35 }

const rewards: Record<string, { label: string; color: string }> = {
  outcome: { label: 'Outcome only', color: 'var(--s-0)' },
  a_mu_all_actions: { label: '+ αA^μ, all actions', color: 'var(--s-1)' },
  a_mu: { label: '+ αA^μ, sampled action', color: 'var(--s-2)' },
  q_mu: { label: '+ αQ^μ', color: 'var(--s-3)' },
  a_pi: { label: '+ αA^π', color: 'var(--s-4)' },
  a_mu_to_go: { label: '+ α·sum of A^μ to go', color: 'var(--s-5)' },
  q_mu_to_go: { label: '+ α·sum of Q^μ to go', color: 'var(--s-6)' },
}
const rewardName = (id: string): string => rewards[id]?.label ?? id
const rewardColor = (id: string): string => rewards[id]?.color ?? 'var(--ink-3)'
const palette = [1, 0, 2, 6, 3, 4].map(i => `var(--s-${i})`)

export function didacticSections(all: DidacticRow[]): HTMLElement[] {
  return all.map((run, i) => {
    const s = run.summary
    const others = [...new Set(s.curves.map(c => c.length))].filter(l => l !== s.length).sort((a, b) => a - b)
    return section(i === 0 ? 'didactic' : `didactic-${i + 1}`, all.length > 1 ? `The didactic task: ${run.path}` : 'The didactic task',
      `Sequences of 10 out of 15 tokens, right if they hold a hidden y*. A network, fine-tuned a little, learns by policy gradient from the outcome and from progress under a prover that continues y* with odds γ (Sec. 3.3, App. B of the paper; γ = ${s.gamma} unless it varies).`,
      h('ul', { class: 'findings' }, ...s.findings.map(text => h('li', {}, text))),
      h('h3', {}, `Accuracy over training, |y*| = ${s.length} (Fig. 3a, 9)`),
      h('p', { class: 'lead' }, 'Median over seeds; bands from the lowest to the highest. Each seed has its own y*, network and samples.'),
      rewardKeys(s.curves.map(c => c.reward)),
      fitted(width => accuracyChart(s.curves.filter(c => c.length === s.length), width, 380)),
      others.length === 0 ? null : h('div', { class: 'grid' }, ...others.map(length =>
        h('figure', {}, h('figcaption', {}, `|y*| = ${length}`), fitted(width => accuracyChart(s.curves.filter(c => c.length === length), width, 240))))),
      speeds(s.speeds),
      s.strengths.length === 0 ? null : strengths(s.strengths, s.length, s.iterations),
      s.tabular.length === 0 ? null : tabular(s.tabular),
      s.passes.length === 0 ? null : passes(s.passes),
      h('p', { class: 'note' }, `Policy gradient ran at ${count(s.iterations_per_second)} iterations per second and thread (batch ${s.batch}, A^μ over all actions, evaluations not counted).`))
  })
}

function keys(items: { label: string; color: string }[]): HTMLElement {
  return h('p', { class: 'keys' }, ...items.map(i => h('span', { class: 'method' }, h('span', { class: 'swatch', style: `--color:${i.color}` }), i.label)))
}

const rewardKeys = (present: string[]): HTMLElement => keys(Object.entries(rewards).filter(([id]) => present.includes(id)).map(([, r]) => r))

function accuracyChart(curves: AccuracyCurve[], width: number, height: number): Element {
  const last = Math.max(...curves.flatMap(c => c.points.map(p => p.iteration)))
  const first = 10
  const drawn = curves.map(c => ({ ...c, points: c.points.filter(p => p.iteration >= first) }))
  const all = drawn.flatMap(c => c.points.map(p => ({ ...p, reward: c.reward, seeds: c.seeds })))
  return Plot.plot({
    width, height, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14, style,
    x: { type: 'log', domain: [first, last], label: 'policy-gradient iterations (log)', ticks: width < 520 ? 3 : 6, tickFormat: (x: number) => count(x), labelAnchor: 'center', labelArrow: 'none' },
    y: { domain: [0, 1], label: 'sequences that hold y*', tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: 5, labelArrow: 'none' },
    marks: [
      Plot.ruleY([0], { stroke: 'var(--line-2)' }),
      ...drawn.map(c => Plot.areaY(c.points, { x: 'iteration', y1: 'low', y2: 'high', fill: rewardColor(c.reward), fillOpacity: 0.12 })),
      ...drawn.map(c => Plot.line(c.points, { x: 'iteration', y: 'median', stroke: rewardColor(c.reward), strokeWidth: c.reward === 'a_mu_all_actions' ? 2.6 : 1.8 })),
      Plot.tip(all, Plot.pointer({ ...tip, x: 'iteration', y: 'median', title: p => `${rewardName(p.reward)}, iteration ${count(p.iteration)}\nmedian ${percent(p.median)} of ${p.seeds} seeds  [${percent(p.low)}–${percent(p.high)}]` })),
    ],
  })
}

function speeds(rows: SpeedRow[]): HTMLElement {
  const reach = (r: Reach, seeds: number): string =>
    r.reached === 0 ? 'never' : r.median == null ? `never (${r.reached} of ${seeds}: ${r.first})` : `${r.median} [${r.first}, ${r.last ?? 'never'}]`
  return table('Iterations to an accuracy', [
    { title: '|y*|', cell: r => `${r.length}` },
    { title: 'Reward', cell: r => h('span', { class: 'method' }, h('span', { class: 'swatch', style: `--color:${rewardColor(r.reward)}` }), rewardName(r.reward)) },
    { title: 'Seeds', numeric: true, cell: r => `${r.seeds}` },
    { title: 'At the start', numeric: true, cell: r => r.start.toExponential(1), hint: 'Chance of a right sequence after fine-tuning, median' },
    { title: 'To 50%', numeric: true, cell: r => reach(r.to50, r.seeds), hint: 'Iterations: median [first, last] over seeds' },
    { title: 'To 99%', numeric: true, cell: r => reach(r.to99, r.seeds), hint: 'Iterations: median [first, last] over seeds' },
    { title: 'To 100%', numeric: true, cell: r => reach(r.to100, r.seeds), hint: 'Iterations: median [first, last] over seeds' },
    { title: 'At the end', numeric: true, cell: r => percent(r.final) },
    { title: 'Iterations', numeric: true, cell: r => count(r.cap) },
  ], rows)
}

const gammaAxis = (gammas: number[], width: number): Plot.ScaleOptions => ({
  type: 'log', domain: [Math.min(...gammas) / 1.2, Math.max(...gammas) * 1.2], label: 'strength γ of the prover (log)', labelAnchor: 'center', labelArrow: 'none',
  ticks: [...new Set(gammas)].filter(g => width >= 520 || [1, 10, 100, 1000].includes(g)), tickFormat: (g: number) => `${g}`,
})

function strengths(rows: StrengthRow[], length: number, iterations: number): HTMLElement {
  const name = (r: StrengthRow): string => `${r.method === 'adam' ? 'Adam' : 'SGD'}, ${r.rollouts === 0 ? 'exact values' : `${r.rollouts} rollouts per value`}`
  const names = [...new Set(rows.map(name))]
  const color = (r: StrengthRow): string => palette[names.indexOf(name(r)) % palette.length]
  const chart = (width: number): Element => Plot.plot({
    width, height: 320, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14, style,
    x: gammaAxis(rows.map(r => r.gamma), width),
    y: { domain: [0, 1], label: `mean accuracy over ${iterations} iterations`, tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: 5, labelArrow: 'none' },
    marks: [
      Plot.ruleX(rows, { x: 'gamma', y1: 'low', y2: 'high', stroke: color, strokeOpacity: 0.7 }),
      Plot.line(rows, { x: 'gamma', y: 'mean', z: name, stroke: color, strokeWidth: 2 }),
      Plot.dot(rows, { x: 'gamma', y: 'mean', fill: color, r: 3.6 }),
      Plot.tip(rows, Plot.pointer({ ...tip, x: 'gamma', y: 'mean', title: r => `γ = ${r.gamma}: ${name(r)}\nmean ${percent(r.mean)}  [${percent(r.low)}–${percent(r.high)}]\n${r.solved} of ${r.seeds} seeds reach 99%` })),
    ],
  })
  return h('div', {}, h('h3', {}, `How strong a prover, |y*| = ${length} (Fig. 3b)`),
    h('p', { class: 'lead' }, 'Progress over all actions of each state, under provers from uniform (γ = 1) to nearly sure. In the paper only γ of about 8 to 15 helps. Bars: lowest to highest seed.'),
    keys(names.map((label, i) => ({ label, color: palette[i % palette.length] }))), fitted(chart))
}

function tabular(rows: TabularRow[]): HTMLElement {
  const name = (r: TabularRow): string => `|y*| = ${r.length}, ${r.method === 'adam' ? 'Adam' : 'plain ascent'} at rate ${r.rate}`
  const names = [...new Set(rows.map(name))]
  const color = (r: TabularRow): string => palette[names.indexOf(name(r)) % palette.length]
  const swept = rows.filter(r => r.gamma != null)
  const steps = (r: TabularRow): number => r.steps ?? r.cap
  const levels = rows.filter(r => r.gamma == null && r.steps != null)
  const chart = (width: number): Element => Plot.plot({
    width, height: 320, marginLeft: 52, marginBottom: 42, marginTop: 24, marginRight: 14, style,
    x: gammaAxis(swept.map(r => r.gamma!), width),
    y: { type: 'log', label: 'updates to 99% (log)', grid: true, ticks: 5, tickFormat: (y: number) => count(y), labelArrow: 'none' },
    marks: [
      Plot.ruleY(levels, { y: steps, stroke: color, strokeDasharray: '6 4', strokeWidth: 1.4 }),
      Plot.line(swept.filter(r => r.steps != null), { x: 'gamma', y: steps, z: name, stroke: color, strokeWidth: 2 }),
      Plot.dot(swept, { x: 'gamma', y: steps, stroke: color, fill: (r: TabularRow) => r.steps == null ? 'var(--panel)' : color(r), symbol: (r: TabularRow) => r.steps == null ? 'triangle' : 'circle', r: 3.6 }),
      Plot.tip(swept, Plot.pointer({ ...tip, x: 'gamma', y: steps, title: r => `γ = ${r.gamma}: ${name(r)}\n${r.steps == null ? `not within ${count(r.cap)} updates` : `${count(r.steps)} updates`}` })),
    ],
  })
  return h('div', {}, h('h3', {}, 'The same without samples and without a network'),
    h('p', { class: 'lead' }, 'Exact policy gradient of a tabular softmax policy that starts uniform. Plain ascent does not rescale the gradient, so a prover can be too weak or too strong: the optimum is inside. Adam undoes that. Hollow triangles: not within the cap; dashed levels: outcome reward only, where it gets there.'),
    keys(names.map((label, i) => ({ label, color: palette[i % palette.length] }))), fitted(chart))
}

function passes(curves: PassCurve[]): HTMLElement {
  const lengths = [...new Set(curves.map(c => c.length))].sort((a, b) => a - b)
  const chart = (length: number) => (width: number): Element => {
    const points = curves.filter(c => c.length === length).flatMap(c => c.points.map(p => ({ ...p, reward: c.reward, sequences: c.sequences })))
    return Plot.plot({
      width, height: 280, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14, style,
      x: { type: 'log', base: 2, label: 'N samples (log)', ticks: [1, 4, 16, 64, 256, 1024], tickFormat: (n: number) => `${n}`, labelAnchor: 'center', labelArrow: 'none' },
      y: { domain: [0, 1], label: 'Pass@N', tickFormat: (y: number) => `${Math.round(100 * y)}%`, grid: true, ticks: 5, labelArrow: 'none' },
      marks: [
        Plot.areaY(points, { x: 'n', y1: 'low', y2: 'high', z: 'reward', fill: p => rewardColor(p.reward), fillOpacity: 0.13 }),
        Plot.line(points, { x: 'n', y: 'pass', z: 'reward', stroke: p => rewardColor(p.reward), strokeWidth: 2 }),
        Plot.dot(points, { x: 'n', y: 'pass', fill: p => rewardColor(p.reward), r: 3 }),
        Plot.tip(points, Plot.pointer({ ...tip, x: 'n', y: 'pass', title: p => `${rewardName(p.reward)}, N = ${p.n}\nPass@N ${decimal(100 * p.pass, 2)}%  [${decimal(100 * p.low, 2)}–${decimal(100 * p.high, 2)}]\n${p.sequences} planted sequences` })),
      ],
    })
  }
  return h('div', {}, h('h3', {}, 'Pass@N after 100 iterations (Fig. 3c)'),
    h('p', { class: 'lead' }, 'Mean over planted sequences of 1 − (1 − p)^N, with p measured in each; bands are 95% intervals over the sequences.'),
    rewardKeys(curves.map(c => c.reward)),
    h('div', { class: 'grid two' }, ...lengths.map(length => h('figure', {}, h('figcaption', {}, `|y*| = ${length}`), fitted(chart(length))))))
}
