import type { Comparison, MethodSummary, ReportData, ResultRow } from './data.ts'
import { accuracyChart, proverChart, type Level, type Strength } from './charts.ts'
import { headline, inWords, isRatio, rangeWords, sideOf, timesFewer, verdictOf } from './claims.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, duration, interval, percent, points, proverName, proverStrength } from './format.ts'
import { basesOf, colorOf, entryOf, isOracle, kindOrder, kindTitle, type Methods, methodsOf } from './methods.ts'
import { leading, seriesOf, type Series } from './series.ts'

const main = (report: ReportData): ResultRow | null => report.results.find(r => r.methods.length > 0) ?? report.results[0] ?? null

export function headlineSection(report: ReportData): HTMLElement {
  const result = main(report)
  const children: (HTMLElement | null)[] = []
  if (result) {
    const methods = methodsOf(report.methods)
    const [first, ...rest] = headline(result, methods)
    if (first) children.push(h('p', { class: `claim ${first.verdict}` }, first.text))
    if (first?.tally) children.push(h('p', { class: 'further' }, first.tally))
    children.push(...rest.map(s => h('p', { class: 'further' }, [s.text, s.tally].filter(Boolean).join(' '))))
    if (result.comparisons.length > 0) children.push(comparisons(result.comparisons, methods))
    children.push(...numbers(result, methods))
  }
  return h('header', {}, h('p', { class: 'kicker' }, 'Process advantage verifiers'), h('h1', {}, report.title), h('p', { class: 'done' }, done(report, result)), ...children)
}

/** What was run, in one line. */
function done(report: ReportData, result: ResultRow | null): string {
  const commands = report.runs.map(r => r.command)
  const steps = [...new Set(commands)].map(c => commands.filter(x => x === c).length > 1 ? `${c} ×${commands.filter(x => x === c).length}` : c)
  const problems = Math.max(0, ...(result?.methods.map(m => m.problems ?? 0) ?? []))
  // A plan's time holds that of the runs below it.
  const plan = report.runs.find(r => r.command === 'demo' && r.seconds)
  const seconds = result?.seconds ?? plan?.seconds ?? sum(report.runs.map(r => r.seconds))
  const memory = result?.peak_memory_mb ?? Math.max(0, ...report.runs.map(r => r.peak_memory_mb ?? 0))
  const unfinished = report.runs.filter(r => r.finished == null).length
  return [
    steps.length > 0 ? `Run: ${steps.join(', ')}` : '',
    problems > 0 ? `${count(problems)} held-out problems` : '',
    seconds ? `${duration(seconds)} in all` : '',
    memory ? `at most ${count(memory)} MB of memory` : '',
    unfinished > 0 ? `${unfinished} run${unfinished > 1 ? 's have' : ' has'} not finished` : '',
  ].filter(Boolean).join(' · ')
}

const sum = (xs: (number | null)[]): number => xs.reduce<number>((s, x) => s + (x ?? 0), 0)

function comparisons(rows: Comparison[], methods: Methods): HTMLElement {
  const side = (name: string): string => { const text = inWords(sideOf(name), methods); return text[0].toUpperCase() + text.slice(1) }
  const result = (c: Comparison): string => c.difference == null ? '–'
    : !isRatio(c) ? `${points(c.difference)} points` : c.tokens_a == null ? 'never' : `${timesFewer(c.difference)} tokens`
  const range = (c: Comparison): string => c.low == null || c.high == null ? '–'
    : isRatio(c) ? c.tokens_a == null ? '–' : rangeWords(c.difference!, c.low, c.high) : `${points(c.low)} to ${points(c.high)}`
  return h('details', { class: 'comparisons' }, h('summary', {}, `All ${rows.length} comparisons`), table('Comparisons', [
    { title: 'Method', cell: c => side(c.a) },
    { title: 'Against', cell: c => side(c.b) },
    { title: 'Compared', cell: c => isRatio(c) ? 'fewest tokens for its accuracy' : 'accuracy at equal tokens' },
    { title: 'Result', numeric: true, cell: c => h('span', { class: verdictOf(c) }, result(c)) },
    { title: '95% interval', numeric: true, cell: range },
    {
      title: 'Tokens per problem', numeric: true, hint: 'Generated tokens',
      cell: c => isRatio(c) ? `${count(c.tokens_a)} / ${count(c.tokens_b)}` : count(c.tokens_a),
    },
  ], rows))
}

/** The base policy, and the best result of each method that is shown at first, the kind of the headline first. */
function numbers(result: ResultRow, methods: Methods): HTMLElement[] {
  const card = (label: string, value: string, note: string): HTMLElement =>
    h('div', { class: 'card' }, h('dt', {}, label), h('dd', {}, value, note ? h('small', {}, note) : null))
  const best = (method: string): MethodSummary | null =>
    result.methods.filter(m => m.method === method).reduce<MethodSummary | null>((a, b) => a && a.accuracy >= b.accuracy ? a : b, null)
  const base = result.base
  const start = [
    base?.sample != null ? card('Base policy, one sample', percent(base.sample), '') : null,
    base?.greedy != null ? card('Greedy decoding', percent(base.greedy), '') : null,
    base?.pass_64 != null ? card('Pass@64', percent(base.pass_64), 'some sample of 64 is right') : null,
  ]
  const place = (s: Series): number => s.entry.kind == null ? kindOrder.length : kindOrder.indexOf(s.entry.kind)
  const shown = leading(seriesOf(result.methods, methods)).filter(s => !isOracle(s.entry) && !(s.entry.kind === 'sampling' && s.points.every(p => p.n === 1)))
  const told = shown.sort((a, b) => place(a) - place(b)).map(({ entry }) => {
    const row = best(entry.id)!
    const tried = result.methods.filter(m => m.method === entry.id).length
    const settings = [`N = ${row.n}`, row.prover ? proverName(row.prover) : ''].filter(Boolean).join(', ')
    const equal = (m: MethodSummary): boolean => m.n === row.n && m.accuracy === row.accuracy && m.generated_tokens === row.generated_tokens
    const twin = basesOf(entry, methods).find(b => result.methods.some(m => m.method === b.id && equal(m)))
    return card(entry.label, percent(row.accuracy), `${tried > 1 ? `the best of ${tried}: ` : ''}${settings} · `
      + `${count(row.generated_tokens)} tokens per problem${twin ? `; there it is the same as ${twin.label}` : ''}`)
  })
  return [h('dl', { class: 'cards' }, ...start), h('dl', { class: 'cards methods' }, ...told)].filter(list => list.childElementCount > 0)
}

export function accuracySection(report: ReportData): HTMLElement | null {
  const title = 'Accuracy against compute'
  const result = main(report)
  if (!result || result.methods.length === 0) return null

  const series = seriesOf(result.methods, methodsOf(report.methods)).filter(s => s.main || s.points.length > 1)
  const shown = new Set(leading(series).map(s => s.key))
  let passes = false
  const visible = (): Series[] => series.filter(s => shown.has(s.key))
  const first = fitted(width => accuracyChart(visible(), { width, height: width < 520 ? 330 : 440, scored: false, passes }))
  const second = fitted(width => accuracyChart(visible(), { width, height: width < 520 ? 300 : 360, scored: true, passes }))
  const redraw = (): void => { first.redraw(); second.redraw() }

  const button = (label: string, color: string | null, pressed: boolean, toggle: (on: boolean) => void, kind = ''): HTMLElement => {
    const element = h('button', { type: 'button', class: `key ${kind}`, 'aria-pressed': String(pressed) },
      color ? h('span', { class: 'swatch', style: `--color:${color}` }) : null, label)
    element.addEventListener('click', () => {
      const on = element.getAttribute('aria-pressed') !== 'true'
      element.setAttribute('aria-pressed', String(on))
      toggle(on)
      redraw()
    })
    return element
  }
  const keyOf = (s: Series): HTMLElement => button(
    s.label, colorOf(s.entry), shown.has(s.key), on => { if (on) shown.add(s.key); else shown.delete(s.key) }, isOracle(s.entry) ? 'dotted' : '')
  const legend = h('div', { class: 'kinds' }, ...[...new Set(series.map(s => s.entry.kind))].map(kind =>
    h('div', { class: 'kind', role: 'group', 'aria-label': `${kindTitle(kind)} shown` },
      h('span', {}, kindTitle(kind)), h('div', { class: 'legend' }, ...series.filter(s => s.entry.kind === kind).map(keyOf)))),
  h('div', { class: 'legend' }, button('Pass@N of each method (dashed)', null, passes, on => { passes = on })))
  const hidden = series.length > shown.size
    ? ' Drawn at first: of each kind the method that gets highest, and what that one is compared with.' : ''

  return section('accuracy', title,
    'Share of held-out problems answered against the tokens that the policy generates for one problem. Bands are 95% intervals over problems; hover for numbers, click a method to hide or show it.' + hidden,
    legend, first,
    h('p', { class: 'note' }, 'For reference, the paper reports (Fig. 4, Gemma on MATH) that beam search with a process advantage verifier of Bo4 is 8–10 points above best-of-N by an outcome verifier and reaches the accuracy of best-of-128 with 1.5–5× less compute (abstract), up to 10× for its 2B and 9B models (Sec. 4.1); and (Fig. 5a) that it is 8× as compute-efficient as beam search on Q alone.'),
    h('h3', {}, 'With the verifier’s reading counted'),
    h('p', { class: 'lead' }, 'The same results against generated plus scored tokens. This counts a token that a verifier reads as dear as one that the policy generates, which overstates its cost: reading is done in parallel.'),
    second)
}

export function tableSection(report: ReportData): HTMLElement | null {
  const result = main(report)
  if (!result || result.methods.length === 0) return null
  const rows = seriesOf(result.methods, methodsOf(report.methods))
    .flatMap(s => s.points.map((row, i) => ({ row, label: s.label, entry: s.entry, first: i === 0 })))
  return section('table', 'All methods', 'Tokens and time are per problem.', table('All methods at every N', [
    { title: 'Method', cell: r => h('span', { class: 'method' }, h('span', { class: 'swatch', style: `--color:${colorOf(r.entry)}` }), r.label) },
    { title: 'N', numeric: true, cell: r => `${r.row.n}` },
    { title: 'α', numeric: true, cell: r => r.row.alpha == null ? '' : `${r.row.alpha}` },
    { title: 'Accuracy', numeric: true, cell: r => percent(r.row.accuracy) },
    { title: '95% interval', numeric: true, cell: r => interval(r.row.low, r.row.high) },
    { title: 'Pass@N', numeric: true, cell: r => percent(r.row.pass), hint: 'Some candidate of this method is right' },
    { title: 'Tokens generated', numeric: true, cell: r => count(r.row.generated_tokens), hint: 'Per problem' },
    { title: 'Tokens scored', numeric: true, cell: r => count(r.row.scored_tokens), hint: 'Per problem: what a verifier reads' },
    { title: 'Time', numeric: true, cell: r => duration(r.row.seconds), hint: 'Wall time per problem' },
    { title: 'Problems', numeric: true, cell: r => `${count(r.row.problems)}${(r.row.seeds ?? 1) > 1 ? ` × ${r.row.seeds}` : ''}`, hint: 'Problems × seeds' },
  ], rows, r => r.first ? 'first' : null))
}

/** The rows of one method at one N under the most provers; of equal ones the largest N. */
function widestSweep(rows: MethodSummary[]): MethodSummary[] | undefined {
  const groups = rows.map(r => rows.filter(m => m.method === r.method && m.n === r.n))
  return groups.sort((a, b) => b.length - a.length || b[0].n - a[0].n)[0]
}

export function proverSection(report: ReportData): HTMLElement | null {
  const result = main(report)
  if (!result) return null
  const methods = methodsOf(report.methods)
  const widest = widestSweep(result.methods.filter(m => proverStrength(m.prover) != null && !isOracle(entryOf(methods, m.method))))
  if (!widest || widest.length < 2) return null
  const { n, method } = widest[0]
  const entry = entryOf(methods, method)
  const rows: Strength[] = widest.map(row => ({ k: proverStrength(row.prover)!, row, n })).sort((a, b) => a.k - b.k)
  const compared = [...basesOf(entry, methods), ...[...methods.values()].filter(isOracle)]
  const levels = compared.flatMap((other): (Level & { row: MethodSummary })[] => {
    const row = result.methods.filter(m => m.method === other.id && m.n === n).sort((a, b) => b.accuracy - a.accuracy)[0]
    if (!row) return []
    const fewer = row.problems === rows[0].row.problems ? '' : ` (${row.problems} problems)`
    return [{ label: `${other.label}${row.prover ? `, ${proverName(row.prover)}` : ''}${fewer}`, entry: other, value: row.accuracy, row }]
  })
  return section('prover', 'How strong a prover',
    `${entry.label} (N = ${n}), where A is the progress under the prover BoK(π), over K; bars are 95% intervals. Level lines: the same search on Q alone and with oracle values (Monte Carlo), which separate what the verifier loses from what the search loses; the oracle searches fewer problems where its label says so, and its BoK, from few completions, is somewhat too low. In the paper (Fig. 5b) K = 4 is best, and provers that are too weak or too strong help less.`,
    fitted(width => proverChart(rows, width < 520 ? levels.map(l => ({ ...l, label: l.label.replace('Oracle beam', 'Oracle') })) : levels, entry, width)),
    table('Accuracy by prover', [
      { title: 'Score', cell: r => r.label },
      { title: 'α', numeric: true, cell: r => r.row.alpha == null ? '' : `${r.row.alpha}` },
      { title: 'Accuracy', numeric: true, cell: r => percent(r.row.accuracy) },
      { title: '95% interval', numeric: true, cell: r => interval(r.row.low, r.row.high) },
      { title: 'Tokens per problem', numeric: true, cell: r => count(r.row.generated_tokens), hint: 'Generated' },
    ], [...rows.map(r => ({ label: `Q + αA, prover Bo${r.k}`, row: r.row })), ...levels.map(l => ({ label: l.label, row: l.row }))]))
}
