// A line of eight-level blocks: the shape of a series where there is room for one row of text.

const LEVELS = '▁▂▃▄▅▆▇█';

/** `values` squeezed into at most `width` characters, from zero to their largest; a gap (null) is a space. Values that
 *  share a character are shown by their largest, so that a short stall stays visible. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const cells = squeeze(values, Math.max(1, Math.floor(width)));
  const top = cells.reduce<number>((most, value) => (value !== null && value > most ? value : most), 0);
  return cells
    .map((value) => {
      if (value === null) return ' ';
      if (top === 0) return LEVELS[0];
      return LEVELS[Math.min(LEVELS.length - 1, Math.floor((value / top) * LEVELS.length))];
    })
    .join('');
}

function squeeze(values: readonly (number | null)[], width: number): (number | null)[] {
  if (values.length <= width) return [...values];
  const cells: (number | null)[] = new Array(width).fill(null);
  values.forEach((value, i) => {
    const cell = Math.floor((i * width) / values.length);
    const held = cells[cell] ?? null;
    if (value !== null && (held === null || value > held)) cells[cell] = value;
  });
  return cells;
}
