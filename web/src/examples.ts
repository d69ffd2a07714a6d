import type { SavedProblem } from './saved.ts'

const sheet = (start: number, lines: string, answer: number): SavedProblem =>
  ({ problem: [`Start ${start}`, ...lines.split(', ').map((line, i) => `${i + 1}: ${line}`)].join('\n'), answer: String(answer) })

/** Worksheets of the test split, which the models that pav brings never saw (docs/embedded-problems.md). */
export const worksheets: SavedProblem[] = [
  sheet(31, '+6, +2, -4, +8, +6', 49),
  sheet(42, '-2, -2, -4, +8, +6, -4', 44),
  sheet(35, 'skip +8, -2, +3, -7, -7, -4, skip -7', 18),
  sheet(26, '-4, +2, +6, +2, -7, skip x3, -4, +6, -2', 25),
  sheet(15, 'x3, -9, +2, +6, +2, -9, +6, -4, -4', 35),
  sheet(7, 'x3, -4, skip x3, +6, +3, -9, x2, +2, skip +2', 36),
  sheet(26, '+3, -2, -7, -7, x3, +2, -4, -9, +3', 31),
  sheet(34, '+2, skip x3, -4, +6, skip +8, -7, skip -9, +8, skip -2, +3', 42),
]
