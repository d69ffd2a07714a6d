import type { ReportData, ResultRow, RunRow } from './data.ts'
import { h, missing, section, table } from './dom.ts'
import { count, duration } from './format.ts'

export function settingsSection(report: ReportData): HTMLElement | null {
  return report.runs.length + report.results.length === 0 ? null : section('settings', 'Settings, and how to repeat this', null,
    report.runs.length === 0 ? missing('No run.json in these run folders, so how to repeat it is not known.') : commands(report.runs),
    ...report.runs.map(details), ...report.results.map(resultSettings))
}

function commands(runs: RunRow[]): HTMLElement {
  const whole = runs.find(r => r.command === 'demo')
  return h('div', {},
    h('p', { class: 'lead' }, `${whole && runs.length > 1 ? 'The first command runs all that follow it. ' : ''}On the same version and machine they give the same numbers: every draw takes its randomness from the seed, the problem and the index of the draw, so results depend neither on batch size nor on interruptions.`),
    h('pre', { tabindex: 0 }, h('code', {}, ...runs.map(r => h('span', { class: 'line' }, commandLine(r))))))
}

/** A run's options as the flags that gave them: `n_mc: 8` is `--n-mc 8`. */
export function commandLine(run: RunRow): string {
  const flags = Object.entries(run.options ?? {}).flatMap(([name, value]) => flag(`--${name.replaceAll('_', '-')}`, value))
  if (run.seed != null && !('seed' in (run.options ?? {}))) flags.push(`--seed ${run.seed}`)
  return ['./pav', run.command, ...flags].join(' ')
}

function flag(name: string, value: unknown): string[] {
  if (value === null || value === undefined || value === false || value === '') return []
  if (value === true) return [name]
  if (Array.isArray(value)) return value.length === 0 ? [] : [`${name} ${quoted(value.join(','))}`]
  return [`${name} ${quoted(typeof value === 'object' ? JSON.stringify(value) : String(value))}`]
}

const quoted = (text: string): string => /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

function details(run: RunRow): HTMLElement {
  const facts: [string, string][] = [
    ['started', stamp(run.started)], ['finished', run.finished ? stamp(run.finished) : 'not finished'], ['time', duration(run.seconds)],
    ['peak memory', run.peak_memory_mb == null ? '–' : `${count(run.peak_memory_mb)} MB`], ['seed', run.seed == null ? '–' : `${run.seed}`],
    ...Object.entries(run.versions ?? {}).map(([name, version]): [string, string] => [name, version ?? '–']),
  ]
  return h('details', { class: 'run' },
    h('summary', {}, h('code', {}, run.path), ` ${run.command}, ${duration(run.seconds)}`),
    pairs('Run', facts),
    pairs('Options', Object.entries(run.options ?? {}).map(([name, value]) => [name, shown(value)])),
    run.inputs && run.inputs.length > 0 ? table('Inputs', [
      { title: 'Input', cell: i => i.path }, { title: 'SHA-256', cell: i => h('code', { class: 'hash' }, i.sha256 ?? '–') },
    ], run.inputs) : null)
}

function resultSettings(result: ResultRow): HTMLElement | null {
  return result.settings && Object.keys(result.settings).length > 0
    ? h('details', { class: 'run' }, h('summary', {}, h('code', {}, result.path), ' settings in summary.json'),
      pairs('Settings', Object.entries(result.settings).map(([name, value]) => [name, shown(value)])))
    : null
}

function pairs(caption: string, rows: [string, string][]): HTMLElement | null {
  return rows.length === 0 ? null : h('div', {}, h('h4', {}, caption), h('dl', { class: 'pairs' }, ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])))
}

const shown = (value: unknown): string => value == null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value)
const stamp = (time: string | null): string => time ? time.slice(0, 19).replace('T', ' ') : '–'
