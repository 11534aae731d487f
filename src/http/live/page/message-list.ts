// The newest messages of a pane. Bounded, drawn once a frame however many come, and not at all while the tab is hidden.
import { clientText, element } from './element.js';

const SHOWN = 100;
const SHOWN_CHARACTERS = 2000;

export type ListKind = 'in' | 'out' | 'note';

interface ListEntry {
  readonly kind: ListKind;
  readonly text: string;
  readonly about: string;
  readonly atMs: number;
}

export class MessageList {
  private waiting: ListEntry[] = [];
  private scheduled = false;

  constructor(private readonly list: HTMLElement) {}

  add(kind: ListKind, text: string, about = ''): void {
    this.waiting.push({ kind, text, about, atMs: Date.now() });
    // Older ones would leave the list before anyone saw them.
    if (this.waiting.length >= 2 * SHOWN) this.waiting = this.waiting.slice(-SHOWN);
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.draw()); // a hidden tab has no frames
  }

  private draw(): void {
    this.scheduled = false;
    const rows = this.waiting.slice(-SHOWN).map(rowOf).reverse();
    this.waiting = [];
    this.list.prepend(...rows);
    while (this.list.children.length > SHOWN) this.list.lastElementChild?.remove();
  }
}

function rowOf({ kind, text, about, atMs }: ListEntry): HTMLElement {
  const rest = text.length - SHOWN_CHARACTERS;
  const shown = rest > 0 ? `${text.slice(0, SHOWN_CHARACTERS)}… (${rest} more characters)` : text;
  const time = new Date(atMs).toTimeString().slice(0, 8);
  const said = kind === 'in' ? 'received' : kind === 'out' ? 'sent' : 'note';
  const arrow = element('b', '', kind === 'in' ? '←' : kind === 'out' ? '→' : '·');
  arrow.setAttribute('aria-label', said);
  return element('li', kind, element('time', '', time), arrow, clientText(shown), element('small', '', about));
}
