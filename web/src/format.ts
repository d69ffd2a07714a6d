// Numbers and names as a reader meets them.

export const percent = (x: number | null | undefined, digits = 1): string => x == null ? '–' : `${(100 * x).toFixed(digits)}%`

/** A difference of two shares in percentage points, with its sign. */
export const points = (x: number): string => signed(100 * x, 1)

export const signed = (x: number | null | undefined, digits = 2): string =>
  x == null ? '–' : Number(x.toFixed(digits)) === 0 ? (0).toFixed(digits) : `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(digits)}`

export const decimal = (x: number | null | undefined, digits = 3): string => x == null ? '–' : x.toFixed(digits).replace('-', '−')

export const count = (x: number | null | undefined): string => x == null ? '–' : Math.round(x).toLocaleString('en-US')

export const interval = (low: number | null | undefined, high: number | null | undefined): string =>
  low == null || high == null ? '' : `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)}`

export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return '–'
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `bo4` is best-of-4 of the base policy; any other prover has its own name. */
export const proverStrength = (prover: string | null | undefined): number | null => {
  const found = /^bo(\d+)$/i.exec(prover ?? '')
  return found ? Number(found[1]) : null
}

export const proverName = (prover: string | null | undefined): string => {
  const k = proverStrength(prover)
  return prover == null ? '' : k == null ? prover : `Bo${k}`
}
