import * as Plot from '@observablehq/plot'
import { rangeWords, timesFewer } from './claims.ts'
import type { PassBand, ReportData, RlData, RlGroup, SeedInterval } from './data.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, decimal, percent, points } from './format.ts'

const style = { background: 'transparent', color: 'var(--ink-2)', fontSize: '12px', overflow: 'visible' }
const tip = { fill: 'var(--panel)', stroke: 'var(--line-2)', textPadding: 9 }

/** The hard set in words. */
function hardCount(rl: RlData): string {
  const n = rl.groups.find(g => g.hard.length > 0)!.hard_problems
  return `${count(n)} test problem${n === 1 ? '' : 's'}`
}

/** The interval of a ratio in brackets; nothing with a single seed. */
const ratioRange = (r: SeedInterval): string => r.low == null || r.high == null ? '' : ` [${rangeWords(r.value, r.low, r.high)}]`

/** The way of RL, in words. */
export const wayName = (name: string): string => name
  .replace(/^orm\b/, 'Outcome rewards').replace(/^pav\b/, 'Progress rewards').replace(/^pqv\b/, 'Q as reward')
  .replace(/^grpo\b/, 'GRPO').replace(/^lambda_grpo\b/, 'λ-GRPO').replace(/^vineppo\b/, 'VinePPO').replace(/^spo\b/, 'SPO-chain')
  .replace(/alpha=/, 'α = ').replace(/ (\w+)=(\S+)/g, (_, option: string, value: string) => `, ${option.replaceAll('_', ' ')} ${value}`)

/** What a group of runs is at one iteration: mean, least and largest over its seeds. */
export interface Band { iteration: number; tokens: number; mean: number; low: number; high: number }

/** Seeds side by side; an iteration that one of them lacks is left out. */
export function bandOf(group: RlGroup): Band[] {
  const [first, ...rest] = group.valid
  if (!first) return []
  return first.points.flatMap(p => {
    const all = [p, ...rest.flatMap(c => c.points.filter(x => x.iteration === p.iteration))]
    if (all.length < group.valid.length) return []
    const values = all.map(x => x.accuracy)
    return [{ iteration: p.iteration, tokens: mean(all.map(x => x.tokens)), mean: mean(values), low: Math.min(...values), high: Math.max(...values) }]
  })
}

const mean = (xs: number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length

export function rlSection(report: ReportData): HTMLElement | null {
  const rl = report.rl
  if (!rl || rl.groups.length === 0) return null
  const color = colors(rl)
  const legend = h('div', { class: 'legend' }, ...rl.groups.map(g => h('span', { class: 'key' }, h('span', { class: 'swatch', style: `--color:${color(g.name)}` }), `${wayName(g.name)} (${g.seeds.length} seed${g.seeds.length === 1 ? '' : 's'})`)),
    rl.start.length === 0 ? null : h('span', { class: 'key dotted' },
      h('span', { class: 'swatch', style: `--color:${color('start')}` }), 'The start (dashed, Pass@N)'))
  const pass = [...rl.groups.map(g => ({ name: g.name, bands: g.pass })), { name: 'start', bands: rl.start }].filter(p => p.bands.length > 0)
  const hard = rl.groups.filter(g => g.hard.length > 0).map(g => ({ name: g.name, bands: g.hard, beams: g.hard_beam }))
  return section('rl', 'Online RL',
    'A policy trained on its own samples, with outcome rewards only or with the progress of every step as a dense reward beside them. Bands reach from the least to the largest of the seeds.',
    ...rl.comparisons.map(c => h('p', { class: 'claim' }, sentence(c))), legend,
    h('h3', {}, 'Held-out accuracy'),
    h('div', { class: 'grid two' },
      figure('against iterations', width => accuracyChart(rl, color, 'iteration', width)),
      figure('against tokens generated for the updates', width => accuracyChart(rl, color, 'tokens', width))),
    pass.length === 0 ? null : h('div', { class: 'grid two' },
      figure('Pass@N on test problems after RL', width => passChart(pass, color, width)),
      hard.length === 0 ? null : figure(`The ${hardCount(rl)} that none of the start’s ${rl.groups.find(g => g.hard.length > 0)!.unsolved_by} samples solved${hard.some(g => g.beams.length > 0) ? ': some of N samples is right (lines), a beam of N on Q is right (crosses)' : ''}`, width => passChart(hard, color, width))),
    h('p', { class: 'note' }, 'For reference, the paper reports (Fig. 7, Gemma on MATH) more than 7 points over outcome rewards and about 6 times fewer iterations to their accuracy; (Fig. 8a) a higher Pass@N at every N to 128; and (Fig. 8b) many more of the problems solved that best-of-256 of the start left unsolved.'),
    resultTable(rl),
    h('h3', {}, 'On the training batches'),
    h('p', { class: 'lead' }, 'Means over the seeds. Progress that rises while the reward falls would mean that the policy pleases the verifier.'),
    h('div', { class: 'grid' }, ...['reward', 'progress', 'no_progress', 'length', 'entropy', 'kl'].filter(m => rl.groups.some(g => g.batches.some(b => b[m] != null)))
      .map(measure => figure(measure.replace('no_progress', 'steps without progress').replace('kl', 'KL to the start'), width => batchChart(rl, color, measure, width)))))
}

/** How a way of RL ended against another, and what it needed to get where that one ended. */
export function sentence(c: RlData['comparisons'][number]): string {
  const other = wayName(c.b).toLowerCase()
  const { low, high } = c.difference
  const range = low == null || high == null ? '' : ` [${points(low)} to ${points(high)}]`
  return [`${wayName(c.a)} end ${points(c.difference.value)} points${range} from ${other}.`, reached(c, other), begun(c)].filter(Boolean).join(' ')
}

function reached(c: RlData['comparisons'][number], other: string): string {
  if (!c.iterations) {
    const where = c.from_start ? ` on ${c.seeds - c.from_start} of ${c.seeds} seeds` : ''
    return c.from_start < c.seeds ? `They do not reach the last accuracy of ${other}${where}.` : ''
  }
  const prover = c.all_tokens ? `${timesFewer(c.all_tokens.value)} with those of the prover during RL; ` : ''
  const labels = c.labelled_tokens ? `${timesFewer(c.labelled_tokens.value)} with those of its verifier’s labels as well`
    : 'what its verifier’s labels took is not known'
  const tokens = c.tokens ? ` and ${timesFewer(c.tokens.value)} tokens (${prover}${labels})` : ''
  const { low, high } = c.iterations
  const doubt = low != null && high != null && low <= 1 && high >= 1 ? '; the interval includes 1, so no saving of iterations is shown' : ''
  const seeds = c.reached < c.seeds ? ` on ${c.reached} of ${c.seeds} seeds` : ''
  const needed = `${timesFewer(c.iterations.value)} iterations${ratioRange(c.iterations)}${tokens}`
  return `They reach the last accuracy of ${other} with ${needed}${seeds}${doubt}.`
}

const begun = (c: RlData['comparisons'][number]): string => !c.from_start ? ''
  : `${c.from_start < c.seeds ? `On ${c.from_start} of ${c.seeds} seeds that` : 'That'} end is no higher than where RL began.`

function colors(rl: RlData): (name: string) => string {
  const palette = [0, 2, 1, 6, 5, 7, 3, 4].map(i => `var(--s-${i})`)
  const baseline = rl.groups.find(g => g.reward === 'orm')?.name
  const names = rl.groups.map(g => g.name).filter(n => n !== baseline)
  return name => name === 'start' ? 'var(--ink-3)' : name === baseline ? 'var(--ink-2)' : palette[names.indexOf(name) % palette.length]
}

const figure = (caption: string, draw: (width: number) => Node): HTMLElement => h('figure', {}, h('figcaption', {}, caption), fitted(draw))

const axis = { grid: true, ticks: 5, labelArrow: 'none' as const }
const share = (y: number): string => `${Math.round(100 * y)}%`
const short = (x: number): string => x >= 1e6 ? `${x / 1e6}M` : x >= 1e3 ? `${x / 1e3}k` : `${x}`

function accuracyChart(rl: RlData, color: (name: string) => string, x: 'iteration' | 'tokens', width: number): Element {
  const rows = rl.groups.flatMap(g => bandOf(g).map(b => ({ ...b, name: g.name })))
  return Plot.plot({
    width, height: 300, marginLeft: 44, marginBottom: 40, marginTop: 20, style,
    x: { label: x === 'iteration' ? 'iterations' : 'generated tokens', ticks: 5, tickFormat: short, labelAnchor: 'center', labelArrow: 'none' },
    y: { ...axis, label: 'held-out samples right', tickFormat: share },
    marks: [
      Plot.areaY(rows, { x, y1: 'low', y2: 'high', z: 'name', fill: (r: { name: string }) => color(r.name), fillOpacity: 0.15 }),
      Plot.line(rows, { x, y: 'mean', z: 'name', stroke: (r: { name: string }) => color(r.name), strokeWidth: 2 }),
      Plot.tip(rows, Plot.pointer({ x, y: 'mean', ...tip, title: r => `${wayName(r.name)}\n${r.iteration} iterations, ${count(r.tokens)} tokens\n${percent(r.mean)} [${percent(r.low)} to ${percent(r.high)}]` })),
    ],
  })
}

function passChart(groups: { name: string; bands: PassBand[]; beams?: PassBand[] }[], color: (name: string) => string, width: number): Element {
  const rows = groups.flatMap(g => g.bands.map(b => ({ ...b, name: g.name })))
  const beams = groups.flatMap(g => (g.beams ?? []).map(b => ({ ...b, name: g.name })))
  return Plot.plot({
    width, height: 300, marginLeft: 44, marginBottom: 40, marginTop: 20, style,
    x: { type: 'log', base: 2, label: 'N (log)', ticks: [...new Set(rows.map(r => r.n))].length, tickFormat: (n: number) => `${n}`, labelAnchor: 'center', labelArrow: 'none' },
    y: { ...axis, label: 'problems with a right answer', tickFormat: share },
    marks: [
      Plot.areaY(rows, { x: 'n', y1: 'low', y2: 'high', z: 'name', fill: (r: { name: string }) => color(r.name), fillOpacity: 0.15 }),
      Plot.line(rows.filter(r => r.name !== 'start'), { x: 'n', y: 'mean', z: 'name', stroke: (r: { name: string }) => color(r.name), strokeWidth: 2 }),
      Plot.line(rows.filter(r => r.name === 'start'), { x: 'n', y: 'mean', stroke: color('start'), strokeWidth: 2, strokeDasharray: '4 4' }),
      Plot.ruleX(beams, { x: 'n', y1: 'low', y2: 'high', stroke: (r: { name: string }) => color(r.name) }),
      Plot.dot(beams, { x: 'n', y: 'mean', symbol: 'times', r: 5, stroke: (r: { name: string }) => color(r.name), strokeWidth: 2.5 }),
      Plot.tip([...rows.map(r => ({ ...r, what: 'Pass@' })), ...beams.map(r => ({ ...r, what: 'Beam of ' }))], Plot.pointer({ x: 'n', y: 'mean', ...tip, title: r => `${r.name === 'start' ? 'The start' : wayName(r.name)}\n${r.what}${r.n} ${percent(r.mean)}` })),
    ],
  })
}

const batchUnits: Record<string, string> = {
  reward: 'share of right traces', progress: 'mean progress of a step', no_progress: 'share of steps', length: 'tokens per trace',
  entropy: 'nats per token', kl: 'nats per token',
}

function batchChart(rl: RlData, color: (name: string) => string, measure: string, width: number): Element {
  const rows = rl.groups.flatMap(g => g.batches.filter(b => b[measure] != null).map(b => ({ iteration: b.iteration, value: b[measure], name: g.name })))
  return Plot.plot({
    width, height: 210, marginLeft: 48, marginBottom: 40, marginTop: 24, style,
    x: { label: 'iterations', ticks: 5, labelAnchor: 'center', labelArrow: 'none' }, y: { ...axis, label: batchUnits[measure] ?? measure },
    marks: [
      Plot.line(rows, { x: 'iteration', y: 'value', z: 'name', stroke: (r: { name: string }) => color(r.name), strokeWidth: 1.6 }),
      Plot.tip(rows, Plot.pointerX({ x: 'iteration', y: 'value', ...tip, title: r => `${wayName(r.name)}\niteration ${count(r.iteration)}\n${decimal(r.value, 4)}` })),
    ],
  })
}

function resultTable(rl: RlData): HTMLElement {
  const at = (bands: PassBand[], n: number): string => percent(bands.find(b => b.n === n)?.mean)
  const ends = (g: RlGroup, end: boolean): string => g.valid.length === 0 ? '–' : percent(mean(g.valid.map(c => c.points[end ? c.points.length - 1 : 0].accuracy)))
  // The largest N that every way was tested with.
  const most = Math.max(1, ...rl.groups.flatMap(g => g.pass.map(b => b.n)).filter((n, _, all) => all.filter(m => m === n).length === rl.groups.filter(g => g.pass.length > 0).length))
  const beamSizes = [...new Set(rl.groups.flatMap(g => g.hard_beam.map(b => b.n)))].sort((a, b) => a - b)
  const levels = [...new Set(rl.groups.flatMap(g => g.levels.map(l => l.level)))].sort((a, b) => a - b)
  return table('RL runs', [
    { title: 'Rewards', cell: g => h('span', { class: 'method' }, wayName(g.name)) },
    { title: 'Seeds', numeric: true, cell: g => g.seeds.join(', ') },
    { title: 'Held-out, first', numeric: true, cell: g => ends(g, false) },
    { title: 'Held-out, end', numeric: true, cell: g => ends(g, true) },
    { title: 'Test', numeric: true, cell: g => at(g.pass, 1) },
    { title: `Pass@${most}`, numeric: true, cell: g => at(g.pass, most) },
    { title: 'Majority', numeric: true, cell: g => percent(g.majority) },
    { title: `Hard, Pass@${most}`, numeric: true, cell: g => at(g.hard, most), hint: 'Of the problems that the start did not solve' },
    ...beamSizes.map(n => ({ title: `Hard, beam ${n}`, numeric: true, cell: (g: RlGroup) => at(g.hard_beam, n), hint: 'Of the same problems: answered by a beam on Q of the verifier' })),
    ...(levels.length > 1 ? levels.map(level => ({ title: `Level ${level}`, numeric: true, cell: (g: RlGroup) => percent(g.levels.find(l => l.level === level)?.sample) })) : []),
  ], rl.groups)
}
