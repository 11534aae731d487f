// Makes and finds elements. Text becomes text nodes, never markup: whatever clients call themselves stays a name.

/** An element of `tag` with a class and children; strings are text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** Characters that turn the direction of writing: "\u202Egnp.exe" would read "exe.png". */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** What clients chose: isolated, and with what would turn it written out, so that it reads as it is. */
export function clientText(text: string): HTMLElement {
  const plain = text.replace(TURNS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return element('bdi', 'client', plain);
}

/** What the page's skeleton has under `id`. */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Type;
}

/** Sets text only where it differs: screen readers and selections are left alone. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Presses one button of a segmented group. */
export function press(group: HTMLElement, pressed: Element): void {
  for (const button of group.querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button === pressed));
}

/** Rows of a table by key: a row that stays keeps its element, and with it focus and selection. */
export class KeyedRows {
  private readonly rows = new Map<string, HTMLTableRowElement>();

  constructor(private readonly body: HTMLElement) {}

  /** Shows `items` in their order. `fill` gets a row of its own to write each into, `isNew` the first time. */
  show<Item>(
    items: readonly Item[],
    key: (item: Item) => string,
    fill: (row: HTMLTableRowElement, item: Item, isNew: boolean) => void,
  ): void {
    const kept = new Set(items.map(key));
    for (const [name, row] of this.rows) {
      if (kept.has(name)) continue;
      row.remove();
      this.rows.delete(name);
    }
    items.forEach((item, i) => {
      const name = key(item);
      const known = this.rows.get(name);
      const row = known ?? document.createElement('tr');
      this.rows.set(name, row);
      fill(row, item, known === undefined);
      const there = this.body.children[i];
      if (there !== row) this.body.insertBefore(row, there ?? null);
    });
  }
}

/** Writes texts into a row's cells from `first` on, making the cells that are missing. */
export function setCells(row: HTMLTableRowElement, first: number, texts: readonly string[]): void {
  texts.forEach((text, i) => {
    const cell = row.cells[first + i] ?? row.insertCell();
    setText(cell, text);
  });
}
