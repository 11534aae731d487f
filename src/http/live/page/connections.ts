// The connections, a page at a time, found by topic, user or address; each can be closed, once one has said yes.
import { formatBytes, formatCount } from '../../../base/page/format.js';
import type { ConnectionInfo, ConnectionPage } from '../../../relay/watch/inspection.js';
import { ask } from './admin-api.js';
import { byId, clientText, element, KeyedRows, setCells, setText } from './element.js';
import { whileInView } from './in-view.js';
import { duration } from './state-line.js';

const PAGE = 10;
const EVERY_MS = 3000;

export function showConnections(mayAsk: () => boolean, report: (error: unknown) => void): void {
  const rows = new KeyedRows(byId('connection-rows'));
  const filter = byId<HTMLFormElement>('filter');
  const firstPage = byId<HTMLButtonElement>('first-page');
  const nextPage = byId<HTMLButtonElement>('next-page');
  let found = new URLSearchParams();
  let after: string | undefined;
  let next: string | undefined;

  const refresh = async (): Promise<void> => {
    const query = new URLSearchParams([...found, ['limit', String(PAGE)]]);
    if (after !== undefined) query.set('after', after);
    try {
      const page = await ask<ConnectionPage>(`/connections?${String(query).replaceAll('+', '%20')}`);
      next = page.next;
      rows.show(page.connections, ({ id }) => id, fillRow);
      byId('connections-empty').hidden = page.connections.length > 0;
      setText(byId('connections-empty'), found.size > 0 ? 'No connection matches.' : 'No connection.');
      firstPage.disabled = after === undefined;
      nextPage.disabled = next === undefined;
    } catch (error) {
      report(error);
    }
  };
  const repeated = whileInView(byId('connections'), EVERY_MS, mayAsk, refresh);

  const fillRow = (row: HTMLTableRowElement, connection: ConnectionInfo, isNew: boolean): void => {
    const { id, user, address, protocol, openedAt, published, dropped, bufferedBytes, lagging } = connection;
    if (isNew) {
      row.append(element('td', '', id), element('td', 'topics'));
      row.append(element('td', '', user === undefined ? '–' : clientText(user)));
      setCells(row, 3, [address, protocol, '', '', '', '']);
      row.append(
        element(
          'td',
          '',
          closeButton(connection, () => repeated.now()),
        ),
      );
    }
    showTopicsOf(row.cells[1] as HTMLTableCellElement, connection);
    const openFor =
      openedAt === undefined ? 'opening' : duration(Math.max(0, (Date.now() - Date.parse(openedAt)) / 1000));
    setCells(row, 5, [openFor, formatCount(published), formatCount(dropped), formatBytes(bufferedBytes)]);
    row.classList.toggle('hot', lagging || dropped > 0);
  };

  filter.addEventListener('submit', (event) => {
    event.preventDefault();
    const { by, value } = Object.fromEntries(new FormData(filter)) as Record<string, string>;
    found = new URLSearchParams(value === '' ? [] : [[by ?? 'topic', value ?? '']]);
    after = undefined;
    repeated.now();
  });
  const goTo = (place: string | undefined): void => {
    after = place;
    repeated.now();
  };
  firstPage.addEventListener('click', () => goTo(undefined));
  nextPage.addEventListener('click', () => goTo(next));
}

function showTopicsOf(cell: HTMLTableCellElement, { topics, topicCount }: ConnectionInfo): void {
  const shown = topics.slice(0, 3);
  const said = JSON.stringify([shown, topicCount]);
  if (cell.dataset.said === said) return;
  cell.dataset.said = said;
  const more = topicCount > shown.length ? [` and ${formatCount(topicCount - shown.length)} more`] : [];
  cell.replaceChildren(...shown.flatMap((topic, i) => [i === 0 ? '' : ', ', clientText(topic)]), ...more);
}

function closeButton(connection: ConnectionInfo, closed: () => void): HTMLButtonElement {
  const button = element('button', 'danger', 'Close');
  button.type = 'button';
  button.setAttribute('aria-label', `Close connection ${connection.id}`);
  button.addEventListener('click', async () => {
    if (!(await confirmed(connection))) return;
    try {
      await ask(`/connections/${encodeURIComponent(connection.id)}`, 'DELETE');
      setText(byId('page-note'), `Connection ${connection.id} was closed.`);
    } catch (error) {
      setText(byId('page-note'), (error as Error).message);
    }
    closed();
  });
  return button;
}

/** Whether the person says yes in the dialogue. Escape is no. */
function confirmed({ id, user, address, topics }: ConnectionInfo): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('confirm');
  const of = user === undefined ? [] : [' of ', clientText(user)];
  const on = topics[0] === undefined ? [] : [', on ', clientText(topics[0])];
  byId('confirm-what').replaceChildren(`Close connection ${id}`, ...of, ` from ${address}`, ...on, '?');
  return new Promise((resolve) => {
    const answer = (yes: boolean) => () => {
      resolve(yes);
      dialog.close();
    };
    byId('confirm-yes').onclick = answer(true);
    byId('confirm-no').onclick = answer(false);
    dialog.onclose = () => resolve(false);
    dialog.showModal();
  });
}
