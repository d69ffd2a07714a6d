import type { ReportData } from './data.ts'
import { didacticSections } from './didactic.ts'
import { h, missing, section } from './dom.ts'
import { accuracySection, headlineSection, proverSection, tableSection } from './results.ts'
import { choiceSection, theorySection } from './provers.ts'
import { reproduceHeader, reproduceSections } from './reproduce.ts'
import { rlSection } from './rl.ts'
import { settingsSection } from './settings.ts'
import { treeSection } from './trees.ts'
import { verifierSection } from './verifiers.ts'

const page = document.getElementById('report')!
const report = JSON.parse(document.getElementById('data')!.textContent!) as ReportData | null

if (report === null) {
  page.replaceChildren(h('p', { class: 'missing' }, 'This is the empty template: `pav report` fills it from run folders.'))
} else {
  document.title = report.title
  const reproduced = report.figures.length > 0
  const sections = reproduced ? [...reproduceSections(report), choiceSection(report), verifierSection(report), treeSection(report), settingsSection(report)].filter(s => s !== null) : [
    accuracySection(report), tableSection(report), proverSection(report), rlSection(report), verifierSection(report), treeSection(report),
    ...didacticSections(report.didactic), choiceSection(report), theorySection(report), settingsSection(report),
  ].filter(s => s !== null)
  if (sections.length === 0) sections.push(section('empty', 'Nothing to show', null, missing('These run folders hold no results yet.')))
  const navigation = h('nav', { 'aria-label': 'Sections' }, ...sections.map(s => h('a', { href: `#${s.id}` }, s.querySelector('h2')!.textContent!)))
  page.replaceChildren(reproduced ? reproduceHeader(report) : headlineSection(report), navigation, ...sections,
    h('footer', {}, `Made ${report.made.slice(0, 16).replace('T', ' ')} UTC from ${report.runs.length} run folder${report.runs.length === 1 ? '' : 's'}. `
      + 'Method: Setlur et al., “Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning”, ICLR 2025 (arXiv 2410.08146).'))
}
