// What the charts of both pages have in common: colours of the reader's theme, axes, and a tip beside the cursor.
import type uPlotClass from 'uplot';

type Plot = uPlotClass;

export const Y_AXIS_WIDTH = 64;
export const FONT = '12px system-ui, sans-serif';
/** Between the cursor and the tip, px. */
const TIP_GAP = 14;

/** What a tip says of one line. */
export interface TipLine {
  readonly label: string;
  /** Number of its colour in the palette. */
  readonly color: number;
  readonly dashed?: boolean | undefined;
}

/** No zeros that say nothing: "1.50 s" → "1.5 s", "2.00" → "2". */
export function trimZeros(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');
}

/** A colour of the palette as the reader's theme has it. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Where a tip of `width` begins: right of the cursor, else left of it, else (a phone) as far right as it fits. */
function beside(cursor: number, width: number, room: number): number {
  if (cursor + TIP_GAP + width <= room) return cursor + TIP_GAP;
  if (cursor - TIP_GAP - width >= -Y_AXIS_WIDTH) return cursor - TIP_GAP - width;
  return room - width;
}

/** A tip with the value of every line at the cursor. `head` says where the cursor is. */
export function tooltip(
  lines: readonly TipLine[],
  head: (x: number) => string,
  format: (value: number) => string,
): uPlotClass.Plugin {
  const tip = document.createElement('div');
  tip.className = 'tip';
  const fill = (plot: Plot) => {
    const index = plot.cursor.idx;
    if (index === null || index === undefined || (plot.cursor.left ?? -1) < 0) {
      tip.hidden = true;
      return;
    }
    const place = document.createElement('b');
    place.textContent = head(plot.data[0][index] as number);
    const rows = lines.flatMap((line, i) => {
      const value = plot.data[i + 1]?.[index];
      if (value === null || value === undefined) return [];
      const row = document.createElement('span');
      row.className = `c${line.color}${line.dashed ? ' dashed' : ''}`;
      const name = document.createElement('i');
      name.textContent = line.label;
      row.append(name, format(value));
      return [row];
    });
    tip.replaceChildren(place, ...rows);
    tip.hidden = rows.length === 0;
    tip.style.left = `${beside(plot.cursor.left ?? 0, tip.offsetWidth, plot.over.clientWidth)}px`;
  };
  return {
    hooks: {
      init: (plot) => {
        tip.hidden = true;
        plot.over.append(tip);
      },
      setCursor: fill,
    },
  };
}
