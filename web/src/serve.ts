import { h } from './dom.ts'
import { worksheets } from './examples.ts'
import { newLane, summary, type Lane } from './lane.ts'
import { readSaved, type SavedProblem, type SavedTree } from './saved.ts'
import { matchingN, type LiveSearch } from './search-events.ts'
import { Refusal, Server, type OfferedMethod, type Request } from './server.ts'
import { savedTree } from './trees.ts'

const server = new Server()
let methods: OfferedMethod[] = []
let problems: SavedProblem[] = worksheets
let running: AbortController | null = null

const field = (label: string, input: HTMLElement, wide = false): HTMLElement =>
  h('div', { class: wide ? 'field wide' : 'field' }, h('label', { for: input.id }, label), input)
const number = (id: string, props: Record<string, string | number> = {}): HTMLInputElement =>
  h('input', { id, type: 'number', inputmode: 'decimal', min: 0, step: 'any', ...props })

const problem = h('textarea', { id: 'problem', required: true, spellcheck: 'false' })
const pick = h('select', { id: 'pick' })
const answer = h('input', { id: 'answer', autocomplete: 'off', placeholder: 'unknown' })
const seed = number('seed', { step: 1, value: 1 })
const alpha = number('alpha', { placeholder: 'usual' })
const budget = number('budget', { min: 1, step: 1, placeholder: 'no limit' })
const temperature = number('temperature', { placeholder: 'usual' })

/** The choice of a method and its size N. */
const choiceOf = (name: string): { method: HTMLSelectElement; n: HTMLInputElement } => {
  const method = h('select', { id: `${name}-method` }), n = number(`${name}-n`, { min: 1, step: 1, inputmode: 'numeric' })
  method.addEventListener('change', () => sizeTo(method, n))
  return { method, n }
}
const left = choiceOf('first'), right = choiceOf('second')
const compares = h('input', { id: 'compare', type: 'checkbox', onchange: () => { second.hidden = !compares.checked } })
const matches = h('input', { id: 'match', type: 'checkbox', checked: true })
const second = h('div', { hidden: true },
  h('div', { class: 'fields' }, field('With', right.method, true), field('N', right.n)),
  h('p', { class: 'field' }, h('label', {}, matches, ' at equal tokens: N is fitted to what the first search generates')))

const go = h('button', { type: 'submit', class: 'main', disabled: true }, 'Search')
const cancel = h('button', { type: 'button', class: 'quiet', disabled: true, onclick: () => running?.abort() }, 'Cancel')
const status = h('p', { role: 'status', class: 'note' })
const error = h('p', { role: 'alert', class: 'error' })
const lanes = h('div', { class: 'lanes' })
const kicker = h('p', { class: 'kicker' }, 'pav serve')

const form = h('form', { 'aria-label': 'Search', onsubmit: event => { event.preventDefault(); void start() } },
  h('div', { class: 'ask' },
    h('div', {},
      field('Problem', problem),
      h('div', { class: 'fields' }, field('Pick one', pick, true), field('Reference answer', answer))),
    h('div', {},
      h('fieldset', {}, h('legend', {}, 'Search'),
        h('div', { class: 'fields' }, field('Method', left.method, true), field('N', left.n)),
        h('p', { class: 'field' }, h('label', {}, compares, ' compare with another method')), second),
      h('div', { class: 'fields' },
        field('Seed', seed), field('α of progress', alpha), field('Temperature', temperature), field('Most tokens each', budget)))),
  h('div', { class: 'actions' }, go, cancel, status), error)

const key = h('input', { id: 'key', type: 'password', autocomplete: 'off' })
const keyed = h('form', { class: 'keyed', hidden: true, onsubmit: event => {
  event.preventDefault()
  server.useKey(key.value.trim())
  key.value = ''
  keyed.hidden = true
  void load()
} }, field('Key of this server (kept until this page closes)', key), h('button', { type: 'submit', class: 'quiet' }, 'Use'))

const pasted = h('textarea', { id: 'pasted', spellcheck: 'false' })
const file = h('input', { id: 'file', type: 'file', accept: '.json,.jsonl,.txt', onchange: () => void openFile() })
const openError = h('p', { role: 'alert', class: 'error' })
const opening = h('details', {}, h('summary', {}, 'Open a tree or problems'),
  h('p', { class: 'note' },
    'An answer that was asked for with "pav": {"trace": true}, a trees.jsonl of pav search, or a file of problems.'),
  field('Paste', pasted),
  h('div', { class: 'actions' },
    h('button', { type: 'button', class: 'quiet', onclick: () => open(pasted.value) }, 'Show'), field('or open a file', file)), openError)

function sizeTo(method: HTMLSelectElement, n: HTMLInputElement): void {
  const usual = methods.find(m => m.method === method.value)?.n ?? 1
  n.value = String(usual)
  n.disabled = usual === 1
}

function list(): void {
  const titles = problems.map((p, i) => h('option', { value: i }, p.problem.replaceAll('\n', ' ').slice(0, 70)))
  pick.replaceChildren(h('option', { value: -1 }, 'a problem of your own'), ...titles)
}

pick.addEventListener('change', () => {
  const picked = problems[Number(pick.value)]
  problem.value = picked?.problem ?? ''
  answer.value = picked?.answer ?? ''
  if (!picked) problem.focus()
})
problem.addEventListener('input', () => { pick.value = '-1'; answer.value = '' })
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') running?.abort()
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target === problem) form.requestSubmit()
})

/** The fields that are filled, as the server reads them. */
function request(chosen: { method: HTMLSelectElement; n: HTMLInputElement }): Request {
  const asked: Request = { problem: problem.value, method: chosen.method.value, n: Number(chosen.n.value) }
  if (answer.value.trim() !== '') asked.answer = answer.value.trim()
  for (const input of [seed, alpha, temperature, budget]) if (input.value !== '') asked[input.id] = Number(input.value)
  return asked
}

async function start(): Promise<void> {
  if (running || go.disabled) return
  const stop = running = new AbortController()
  setBusy(true)
  error.textContent = ''
  status.textContent = compares.checked ? 'Two searches are running.' : 'The search is running.'
  const choices = compares.checked ? [left, right] : [left]
  const shown = choices.map(c => newLane(c.method.selectedOptions[0].text, () => {
    const most = Math.max(...shown.map(lane => lane.tokens))
    shown.forEach(lane => lane.scaleTo(most))
  }))
  lanes.replaceChildren(...shown.map(lane => lane.element))
  try {
    const found = await Promise.all(shown.map((lane, i) => lane.run(server, request(choices[i]), stop.signal)))
    const fits = found.length === 2 && matches.checked && !right.n.disabled
    const fitted = fits ? await fit(found[0], found[1], shown[1], stop.signal) : null
    status.textContent = `Done. ${(fitted ? [found[0], fitted] : found).map(summary).join(' ')}`
  } catch (reason) {
    const tokens = shown.reduce((sum, lane) => sum + lane.tokens, 0)
    status.textContent = stop.signal.aborted ? `Cancelled after ${tokens} tokens.` : ''
    if (!stop.signal.aborted) fail(reason)
    stop.abort()
  } finally {
    running = null
    setBusy(false)
  }
}

/** Runs the second search once more, with the N at which it generates about as much as the first. */
async function fit(first: LiveSearch, other: LiveSearch, lane: Lane, signal: AbortSignal): Promise<LiveSearch | null> {
  const n = matchingN(Number(right.n.value), other.tokens, first.tokens)
  if (n == null) return null
  status.textContent = `The second search generated ${other.tokens} tokens and the first ${first.tokens}: once more with N = ${n}.`
  const again = await lane.run(server, { ...request(right), n }, signal)
  right.n.value = String(n)
  return again
}

function setBusy(isBusy: boolean): void {
  if (!isBusy && document.activeElement === cancel) go.disabled = false, go.focus()
  go.disabled = isBusy
  cancel.disabled = !isBusy
}

function fail(reason: unknown): void {
  error.textContent = reason instanceof Error ? reason.message : String(reason)
  if (reason instanceof Refusal && reason.status === 401) askForKey()
}

function askForKey(): void {
  keyed.hidden = false
  key.focus()
}

async function openFile(): Promise<void> {
  const chosen = file.files?.[0]
  if (chosen) open(await chosen.text())
}

function open(text: string): void {
  openError.textContent = ''
  try {
    const saved = readSaved(text)
    if (saved.problems.length > 0) {
      problems = saved.problems
      list()
      pick.value = '0'
      pick.dispatchEvent(new Event('change'))
      status.textContent = `${problems.length} problems can be picked now.`
    }
    if (saved.trees.length > 0) show(saved.trees)
  } catch (reason) {
    openError.textContent = (reason as Error).message
  }
}

function show(trees: SavedTree[]): void {
  running?.abort()
  const stage = h('div', {})
  const select = h('select', { id: 'saved', onchange: () => draw() }, ...trees.map((t, i) => h('option', { value: i }, t.title)))
  const draw = (): void => stage.replaceChildren(savedTree(trees[Number(select.value)].tree))
  lanes.replaceChildren(h('section', { class: 'lane', 'aria-labelledby': 'saved-title' },
    h('h2', { id: 'saved-title' }, 'A tree that was opened'), trees.length > 1 ? field('Tree', select) : null, stage))
  draw()
  status.textContent = `${trees.length === 1 ? 'The tree is' : `${trees.length} trees are`} shown below.`
}

async function load(): Promise<void> {
  error.textContent = ''
  try {
    const offer = await server.offer()
    methods = offer.methods
    kicker.textContent = `pav serve: ${offer.model}`
    const select = (choice: typeof left, usual: OfferedMethod | undefined): void => {
      choice.method.replaceChildren(...methods.map(m => h('option', { value: m.method }, m.label)))
      choice.method.value = (usual ?? methods[0]).method
      sizeTo(choice.method, choice.n)
    }
    const beams = methods.filter(m => m.kind === 'beam')
    select(left, beams.find(m => m.has_prover) ?? beams[0])
    select(right, methods.find(m => m.kind === 'ranking'))
    status.textContent = ''
    go.disabled = false
  } catch (reason) {
    if (reason instanceof Refusal && reason.status === 503) {
      status.textContent = 'The models are loading.'
      setTimeout(() => void load(), 1000)
    } else fail(reason)
  }
}

document.getElementById('page')!.replaceChildren(
  h('header', {}, kicker, h('h1', {}, 'Watch a search'),
    h('p', { class: 'lead' },
      'Each box is a step. Its colour is its progress A: how much it raised the prover’s chance of a right answer.')),
  h('section', { 'aria-label': 'What to search' }, keyed, form, opening), lanes)
list()
pick.value = '0'
pick.dispatchEvent(new Event('change'))
void load()
