import type { ShownNode, ShownTree } from './forest.ts'

/** The events of `/v1/search`, as docs/serve.md describes them. */
export interface SearchStarted { problem: string; method: string; label: string; n: number; alpha?: number; prover?: string }
interface NodeCreated { id: number; parent: number; tree?: number; depth: number; step: string; tokens: number; duplicate_of?: number }
interface NodeScored { id: number; q: number; q_mu: number; a: number; reward: number }
interface NodeFinished { id: number; answer?: string; correct?: number }
export interface SearchDone {
  chosen?: number; text: string; answer?: string; correct?: number; q?: number; finish_reason: string
  usage: { generated_tokens: number; scored_tokens: number; answer_tokens: number }; seconds: number
}

export interface NamedEvent { name: string; data: unknown }

/** A search as its events have told it so far. */
export interface LiveSearch {
  started: SearchStarted | null
  tree: ShownTree
  /** Tokens generated so far. */
  tokens: number
  /** Traces that came to their end. */
  traces: number
  done: SearchDone | null
  error: string | null
}

const node = (id: number, parent: number, step: string, fate: ShownNode['fate'], tree?: number): ShownNode =>
  ({ id, parent, step, q: null, q_mu: null, a: null, score: null, fate, tree, lost: false, half: false })

export const newSearch = (problem: string, answer: string): LiveSearch => ({
  started: null, tokens: 0, traces: 0, done: null, error: null,
  tree: { problem: '', text: problem, answer, method: '', n: 0, correct: null, nodes: [node(0, -1, '', 'root')] },
})

/** Takes one event into a search. Nodes come in the order of their numbers, so a number is a place in the tree's list. */
export function take(search: LiveSearch, { name, data }: NamedEvent): void {
  const nodes = search.tree.nodes
  const settle = (fate: ShownNode['fate']): void => { nodes[(data as { id: number }).id].fate = fate }
  switch (name) {
    case 'search.start': {
      const started = data as SearchStarted
      search.started = started
      Object.assign(search.tree, { method: started.method, n: started.n, alpha: started.alpha ?? null, prover: started.prover ?? null })
      break
    }
    case 'node.created': {
      const { id, parent, step, tokens, tree, duplicate_of: twin } = data as NodeCreated
      nodes[id] = twin == null ? node(id, parent, step, 'open', tree) : { ...nodes[twin], id, parent, fate: 'duplicate', tree }
      search.tokens += tokens
      break
    }
    case 'node.scored': {
      const { id, q, q_mu, a, reward } = data as NodeScored
      const values = { q, q_mu, a: id === 0 ? null : a, score: id === 0 ? null : reward }
      Object.assign(nodes[id], values)
      for (const other of nodes)
        if (other.fate === 'duplicate' && other.parent === nodes[id].parent && other.step === nodes[id].step) Object.assign(other, values)
      break
    }
    case 'node.kept': settle('kept'); break
    case 'node.pruned': settle('pruned'); break
    case 'node.finished':
      settle('finished')
      nodes[(data as NodeFinished).id].rex = (data as NodeFinished).correct ?? null
      search.traces++
      break
    case 'search.done': {
      const done = data as SearchDone
      search.done = done
      search.tokens = done.usage.generated_tokens
      search.tree.correct = done.correct ?? null
      if (done.chosen != null && done.chosen > 0) nodes[done.chosen].fate = 'chosen'
      break
    }
    case 'error': search.error = errorOf(data) ?? 'The search failed.'
  }
}

/** What an error object of the server says, as one sentence; null where it is none. */
export function errorOf(data: unknown): string | null {
  const message = (data as { error?: { message?: unknown } } | null)?.error?.message
  return typeof message === 'string' && message !== '' ? sentence(message) : null
}

const sentence = (text: string): string => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`

/** Cuts a stream of server-sent events into its events; what has not come whole stays for the next piece. Comments are passed over. */
export function eventReader(): (piece: string) => NamedEvent[] {
  let rest = ''
  return piece => {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop()!
    return blocks.flatMap(block => {
      const lines = block.split('\n')
      const field = (name: string): string[] => lines.filter(l => l.startsWith(`${name}: `)).map(l => l.slice(name.length + 2))
      const data = field('data')
      return data.length === 0 ? [] : [{ name: field('event')[0] ?? 'message', data: JSON.parse(data.join('\n')) as unknown }]
    })
  }
}

/** Cost grows about in proportion to N: the N at which a search would spend as much as another; null where it does already, within 10%. */
export function matchingN(n: number, spent: number, target: number): number | null {
  if (spent <= 0 || Math.abs(spent / target - 1) <= 0.1) return null
  const matched = Math.max(1, Math.round(n * target / spent))
  return matched === n ? null : matched
}
