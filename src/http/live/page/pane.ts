// One client of the playground: joins a topic, shows what comes, sends what is typed.
import { formatBytes, formatCount } from '../../../base/page/format.js';
import { byId, setText } from './element.js';
import { MessageList } from './message-list.js';
import { fromHex, type LinkMode, RelayLink, toHex } from './relay-link.js';

const REPEAT_MS = 200;

export interface PaneEvents {
  /** Sent or received: the payload's text, or its bytes as hex. */
  sent(pane: Pane, content: string): void;
  received(pane: Pane, content: string): void;
  /** Joined or left. */
  changed(): void;
  /** Called when it tries to join. Gives a function that is asked for the reason if the relay is not reached or
   *  refuses. */
  trying(): () => Promise<string>;
}

export class Pane {
  /** The topic it is in; undefined while in none. */
  topic: string | undefined;
  private link: RelayLink | undefined;
  private readonly root: HTMLElement;
  private readonly joinForm: HTMLFormElement;
  private readonly sendForm: HTMLFormElement;
  private readonly messages: MessageList;
  private readonly counts = { sent: 0, received: 0, bytes: 0 };
  private countsShown = false;
  private repeating: number | undefined;

  constructor(
    key: string,
    private readonly url: () => string | undefined,
    private readonly events: PaneEvents,
  ) {
    this.root = byId(`pane-${key}`);
    this.joinForm = this.root.querySelector('form.join') as HTMLFormElement;
    this.sendForm = this.root.querySelector('form.send') as HTMLFormElement;
    this.messages = new MessageList(this.root.querySelector('.messages') as HTMLElement);
    this.joinForm.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.link === undefined) this.join();
      else this.link.close();
    });
    this.sendForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.input('repeat').addEventListener('change', () => this.repeatWhileChecked());
  }

  /** Puts a topic into the form and the focus on its button. */
  offer(topic: string): void {
    if (this.link !== undefined) this.link.close();
    this.field('topic').value = topic;
    (this.joinForm.elements.namedItem('join') as HTMLButtonElement).focus({ preventScroll: true });
  }

  set asksForToken(asks: boolean) {
    (this.root.querySelector('.token') as HTMLElement).hidden = !asks;
  }

  private field(name: string): HTMLInputElement {
    return this.joinForm.elements.namedItem(name) as HTMLInputElement;
  }

  private input(name: string): HTMLInputElement {
    return this.sendForm.elements.namedItem(name) as HTMLInputElement;
  }

  private join(): void {
    const url = this.url();
    if (url === undefined) return;
    const topic = this.field('topic').value || 'lobby';
    const mode = this.field('mode').value as LinkMode;
    const whyRefused = this.events.trying();
    try {
      this.link = new RelayLink(url, mode, topic, this.field('token').value, {
        joined: () => this.joined(topic, mode),
        heard: ({ payload, bytes, about }) => {
          const content = typeof payload === 'string' ? payload : toHex(payload);
          this.count('received', bytes);
          this.messages.add('in', content, typeof payload === 'string' ? about : `${about} binary`.trim());
          this.events.received(this, content);
        },
        told: (note) => this.messages.add('note', note),
        ended: (code, reason, hadJoined) => {
          this.left();
          if (code === 1000) this.say('Not joined.', '');
          else if (hadJoined) this.say(`Closed with ${code}${reason && `: ${reason}`}`, 'failed');
          else void this.explain(whyRefused);
        },
      });
    } catch (error) {
      this.say(`Cannot open ${url}: ${(error as Error).message}`, 'failed');
      return;
    }
    this.say(`Joining ${topic}…`, '');
    this.label('Leave');
  }

  private joined(topic: string, mode: LinkMode): void {
    this.topic = topic;
    this.say(`In ${topic}, ${mode}.`, 'good');
    for (const name of ['text', 'kind', 'send', 'repeat']) this.input(name).disabled = false;
    const json = this.root.querySelector('option[value=json]') as HTMLOptionElement;
    json.hidden = json.disabled = mode === 'raw';
    if (mode === 'raw' && this.input('kind').value === 'json') this.input('kind').value = 'text';
    this.events.changed();
  }

  private left(): void {
    this.link = undefined;
    this.topic = undefined;
    this.label('Join');
    this.input('repeat').checked = false;
    this.repeatWhileChecked();
    for (const name of ['text', 'kind', 'send', 'repeat']) this.input(name).disabled = true;
    this.events.changed();
  }

  private async explain(whyRefused: () => Promise<string>): Promise<void> {
    this.say('Not let in.', 'failed');
    const why = await whyRefused();
    if (this.link === undefined) this.say(`Not let in. ${why}`, 'failed');
  }

  private send(): void {
    const { link } = this;
    if (this.topic === undefined || link === undefined) return;
    const text = this.input('text').value;
    const kind = this.input('kind').value;
    // Before it is sent: the other pane may have it before this function returns.
    const announce = (content: string): void => {
      this.count('sent', 0);
      this.messages.add('out', content, kind === 'hex' ? 'binary' : '');
      this.events.sent(this, content);
    };
    if (kind === 'hex') {
      const bytes = fromHex(text);
      if (bytes === undefined) {
        this.complain('This is no hex: write pairs of digits such as 0f a0.');
        return;
      }
      announce(toHex(bytes));
      link.sendBytes(bytes);
    } else if (kind === 'json') {
      let data: unknown;
      try {
        data = JSON.parse(text);
      } catch (error) {
        this.complain(`This is no JSON: ${(error as Error).message}`);
        return;
      }
      announce(typeof data === 'string' ? data : JSON.stringify(data));
      link.sendJson(data);
    } else {
      announce(text);
      link.sendText(text);
    }
  }

  private complain(note: string): void {
    this.input('repeat').checked = false;
    this.repeatWhileChecked();
    this.messages.add('note', note);
  }

  private repeatWhileChecked(): void {
    clearInterval(this.repeating);
    if (!this.input('repeat').checked) return;
    this.repeating = window.setInterval(() => {
      if (!document.hidden) this.send();
    }, REPEAT_MS);
  }

  private count(what: 'sent' | 'received', bytes: number): void {
    this.counts[what]++;
    this.counts.bytes += bytes;
    if (this.countsShown) return;
    this.countsShown = true;
    requestAnimationFrame(() => {
      this.countsShown = false;
      const { sent, received, bytes: all } = this.counts;
      const texts = { sent: formatCount(sent), received: formatCount(received), bytes: formatBytes(all) };
      for (const [name, text] of Object.entries(texts)) {
        setText(this.root.querySelector(`[data-count=${name}]`) as Element, text);
      }
    });
  }

  private say(text: string, kind: '' | 'good' | 'failed'): void {
    const line = this.root.querySelector('.link') as HTMLElement;
    setText(line, text);
    line.className = `link ${kind}`;
  }

  private label(text: string): void {
    (this.joinForm.elements.namedItem('join') as HTMLButtonElement).textContent = text;
  }
}
