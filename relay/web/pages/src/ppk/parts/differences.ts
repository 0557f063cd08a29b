// Where tallies of one station do not say the same. Pure.

export interface Column {
  name: string
  figures: readonly (number | null)[]
}

/** Positions at which the columns do not all say the same; a blank box is not zero. */
export function differences(columns: readonly Column[]): Set<number> {
  const [first, ...others] = columns
  const found = new Set<number>()
  first?.figures.forEach((figure, position) => {
    if (others.some((other) => other.figures[position] !== figure)) found.add(position)
  })
  return found
}
