import { agreementChart, predictorChart } from './charts-provers.ts'
import type { ProverReport, ReportData, TheoryResult } from './data.ts'
import { fitted, h, section, table } from './dom.ts'
import { count, decimal, percent } from './format.ts'

/** Predictors of a prover's use, in the order of the page. */
export const predictors: { id: string; title: string; hint: string; digits: number }[] = [
  { id: 'distinguishability', title: 'Distinguishability', hint: 'E Var[A^μ] over the steps that the policy takes', digits: 4 },
  { id: 'alignment', title: 'Alignment', hint: 'E[A^μ·A^π]: the gain of a small policy gradient step is linear in it', digits: 4 },
  { id: 'signal_to_noise', title: 'Signal / noise', hint: 'Of A^μ within a state, at these completions', digits: 2 },
  { id: 'best_step', title: 'Best step', hint: 'Mean Q^π of the top step on Q + αA, ranked by half of the completions and counted with the other half', digits: 4 },
  { id: 'kept_steps', title: 'Kept steps', hint: 'The same of the steps that a beam would keep', digits: 4 },
  { id: 'best_step_by_verifier', title: 'Best step, by the verifier', hint: 'Mean Q^π of the top step, ranked by the verifier’s values', digits: 4 },
  { id: 'kept_steps_by_verifier', title: 'Kept steps, by the verifier', hint: 'The same of the steps that a beam would keep', digits: 4 },
]

export function choiceSection(report: ReportData): HTMLElement | null {
  if (report.provers.length === 0) return null
  return section('choice', 'Choosing a prover', 'From rollouts alone, before anything is trained: does the progress under a prover tell the policy’s steps apart (distinguishability), does it agree with the policy’s own (alignment), and what are the steps worth that a beam on Q + αA would pick? All free of Monte Carlo noise’s bias; bars are 95% intervals over problems.',
    ...report.provers.flatMap(one))
}

function one(choice: ProverReport): HTMLElement[] {
  const shown = predictors.filter(p => choice.provers.some(r => r.predictors[p.id]?.value != null))
  const parts = [
    h('p', { class: 'lead' }, `${count(choice.states)} states of ${count(choice.problems)} problems, ${count(choice.steps)} distinct steps of ${choice.policy}, ${count(choice.rollouts)} rollouts (${choice.n_mc} or more after each step); α = ${choice.alpha}.`),
    h('ul', {}, ...choice.advice.map(a => h('li', {}, h('strong', {}, `For ${a.for}: `), a.reason))),
    h('p', { class: 'lead' }, 'What this cannot tell: the two terms speak of a small first step with exact values; they separate weak from strong provers and do not prove that one in between is best. What a trained verifier’s errors do is seen only where a verifier was given.'),
    h('div', { class: 'grid two' }, ...shown.map(p => h('figure', {}, h('figcaption', { title: p.hint }, p.title), fitted(width => predictorChart(choice, p.id, p.digits, width))))),
    table('Provers', [
      { title: 'Prover', cell: r => r.name === 'none' ? 'none (Q alone)' : r.name },
      ...shown.map(p => ({ title: p.title, hint: p.hint, numeric: true, cell: (r: ProverReport['provers'][number]) => r.predictors[p.id]?.value == null ? '–' : decimal(r.predictors[p.id].value, p.digits) })),
    ], choice.provers),
  ]
  const search = choice.search
  if (search) {
    parts.push(
      h('h3', {}, 'Against measured searches'),
      h('p', { class: 'lead' }, `Accuracy of beam search (N = ${search.n}, α = ${search.alpha}) with each prover on ${count(search.problems)} problems, and how well each predictor ranks the provers as it does (Spearman’s ρ, 95% interval from problems of both drawn again). With so few provers whose accuracies are close, an interval is wide.`),
      h('div', { class: 'grid two' }, ...shown.filter(p => search.predictors.some(s => s.predictor === p.id && s.spearman.value != null))
        .map(p => h('figure', {}, h('figcaption', {}, p.title), fitted(width => agreementChart(choice, p.id, width))))),
      table('Rank correlation with accuracy', [
        { title: 'Predictor', cell: s => predictors.find(p => p.id === s.predictor)?.title ?? s.predictor.replaceAll('_', ' ') },
        { title: 'Provers', numeric: true, cell: s => `${s.provers}` },
        { title: 'Spearman’s ρ', numeric: true, cell: s => decimal(s.spearman.value, 2) },
        { title: '95% interval', numeric: true, cell: s => s.spearman.value == null ? '' : `${decimal(s.spearman.low, 2)} to ${decimal(s.spearman.high, 2)}` },
      ], search.predictors),
      table('Accuracy by prover', [
        { title: 'Prover', cell: p => p.name },
        { title: 'Accuracy', numeric: true, cell: p => percent(p.accuracy) },
        { title: '95% interval', numeric: true, cell: p => `${percent(p.low)} to ${percent(p.high)}` },
      ], search.provers))
  }
  return parts
}

export function theorySection(report: ReportData): HTMLElement | null {
  if (report.theory.length === 0) return null
  const verdict = (r: TheoryResult): HTMLElement => h('span', { class: r.verdict === 'holds' ? 'good' : r.verdict === 'fails' ? 'bad' : null }, r.verdict.replace('_', ' '))
  return section('theory', 'Theory, checked', 'The paper’s results, computed exactly on small random trees with random policies and provers (docs/theory.md).',
    table('Results', [
      { title: 'Result', cell: r => r.name },
      { title: 'Claim', cell: r => r.claim },
      { title: 'Verdict', cell: verdict },
      { title: 'Found', cell: r => r.found },
    ], report.theory))
}
