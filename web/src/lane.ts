import { h } from './dom.ts'
import { count, decimal, duration } from './format.ts'
import { newSearch, take, type LiveSearch } from './search-events.ts'
import type { Request, Server } from './server.ts'
import { treeView, type TreeView } from './trees.ts'

/** One search beside others: its tree, what it has spent and what it answered. */
export interface Lane {
  element: HTMLElement
  /** Runs a search until it is done; throws what went wrong, and an AbortError where it was cancelled. */
  run(server: Server, request: Request, signal: AbortSignal): Promise<LiveSearch>
  /** Draws the bar of tokens against the most that any search spent. */
  scaleTo(most: number): void
}

export function newLane(title: string, grown: () => void): Lane & { readonly tokens: number } {
  const heading = h('h2', {}, title)
  const bar = h('i')
  const spent = h('span', {})
  const answer = h('p', { class: 'answer' })
  const stage = h('div', {})
  let search: LiveSearch | null = null
  let view: TreeView | null = null
  let isDrawing = false

  const tell = (): void => {
    if (!search?.started) return
    const { started, done, tokens, traces, tree } = search
    const { alpha, prover } = started
    const details = [`N = ${started.n}`, alpha == null ? '' : `α = ${alpha}`, prover ? `prover ${prover}` : '']
    heading.replaceChildren(started.label, h('small', {}, details.filter(d => d !== '').join(', ')))
    const cost = done ? `${count(done.usage.scored_tokens)} scored, ${duration(done.seconds)}`
      : `${count(tree.nodes.length - 1)} steps, ${count(traces)} traces`
    spent.textContent = `${count(tokens)} tokens generated; ${cost}`
  }
  /** Events come faster than pictures: one drawing for all that came since the last. */
  const draw = (): void => {
    if (isDrawing) return
    isDrawing = true
    setTimeout(() => requestAnimationFrame(() => {
      isDrawing = false
      tell()
      grown()
      if (search && !search.done) view?.update(true)
    }), 60)
  }

  return {
    element: h('section', { class: 'lane', 'aria-label': title }, heading,
      h('div', { class: 'spent' }, h('span', { class: 'bar', 'aria-hidden': 'true' }, bar), spent), answer, stage),
    get tokens() { return search?.tokens ?? 0 },
    scaleTo: most => { bar.style.width = `${most > 0 ? 100 * (search?.tokens ?? 0) / most : 0}%` },
    run: async (server, request, signal) => {
      const running = newSearch(String(request.problem), String(request.answer ?? ''))
      const end = (): void => {
        if (search !== running) return
        tell()
        grown()
        view?.update(false)
      }
      try {
        await server.search(request, signal, events => {
          events.forEach(event => take(running, event))
          if (running.started && search !== running) {
            search = running
            view = treeView(running.tree, true)
            stage.replaceChildren(view.element)
            answer.textContent = ''
          }
          draw()
        })
        if (running.error) throw new Error(running.error)
        if (!running.done) throw new Error('The server ended the search before it was done.')
        answer.replaceChildren(...answerOf(running))
        return running
      } finally {
        end()
      }
    },
  }
}

function answerOf(search: LiveSearch): (Node | string)[] {
  const { done, tree } = search
  if (!done) return []
  const verdict = done.correct == null ? null
    : done.correct ? h('span', { class: 'good' }, ' ✓ right') : h('span', { class: 'bad' }, ` ✗ wrong, it is ${tree.answer}`)
  return [
    done.answer == null ? 'No answer' : 'Answer ', done.answer == null ? '' : h('strong', {}, done.answer), ...(verdict ? [verdict] : []),
    h('small', { class: 'note' },
      done.q == null ? '' : ` Q ${decimal(done.q, 2)}`, done.finish_reason === 'length' ? ' cut off by a limit' : ''),
  ]
}

/** What a search came to, for a reader who does not see the tree. */
export function summary(search: LiveSearch): string {
  const { started, done } = search
  if (!started || !done) return ''
  const verdict = done.correct == null ? '' : done.correct ? ', right' : ', wrong'
  return `${started.label}, N = ${started.n}: ${done.answer == null ? 'no answer' : `answer ${done.answer}${verdict}`}, `
    + `${count(done.usage.generated_tokens)} tokens generated.`
}
