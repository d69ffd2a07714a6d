import type { MethodKind } from './data.ts'
import { errorOf, eventReader, type NamedEvent } from './search-events.ts'

/** A method that the server can run, with the size N that it has where none is named. */
export interface OfferedMethod { method: string; label: string; n: number; kind: MethodKind; has_prover: boolean }
export interface Offer { model: string; methods: OfferedMethod[] }

/** What a search is asked for: the fields of `POST /v1/search`. */
export type Request = Record<string, string | number>

/** A request that the server did not answer; `status` is 0 where it could not be reached. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string) { super(message) }
}

/** The server that this page came from. Its key, if it wants one, is kept here only: a new page asks again. */
export class Server {
  private key = ''

  useKey(key: string): void { this.key = key }

  /** The policy's name and the methods that can be run with it. */
  async offer(): Promise<Offer> {
    const reply = await this.call('/v1/models')
    const cards = (await reply.json() as { data: { id: string; pav?: OfferedMethod }[] }).data
    return { model: cards[0].id, methods: cards.flatMap(c => c.pav ?? []) }
  }

  /** Runs one search and hands on its events as they come. */
  async search(request: Request, signal: AbortSignal, take: (events: NamedEvent[]) => void): Promise<void> {
    const reply = await this.call('/v1/search', {
      method: 'POST', signal, body: JSON.stringify(request), headers: { 'Content-Type': 'application/json' },
    })
    const read = eventReader()
    const pieces = reply.body!.pipeThrough(new TextDecoderStream()).getReader()
    try {
      for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) take(read(piece.value))
    } catch (error) {
      throw signal.aborted ? error : new Refusal(0, 'The connection broke before the search was done.')
    }
  }

  private async call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, ...(this.key === '' ? {} : { Authorization: `Bearer ${this.key}` }) }
    let reply: Response
    try {
      reply = await fetch(path, { ...init, headers, cache: 'no-store' })
    } catch (error) {
      if (init.signal?.aborted) throw error
      throw new Refusal(0, 'The server does not answer: is pav serve still running?')
    }
    if (reply.ok) return reply
    throw new Refusal(reply.status, errorOf(await reply.json().catch(() => null)) ?? `The server answered with status ${reply.status}.`)
  }
}
