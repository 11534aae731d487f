// The topics with the most traffic or the most subscribers. One press puts a topic into the playground.
import { formatCount } from '../../../base/page/format.js';
import type { TopicInfo, TopicOrder } from '../../../relay/watch/inspection.js';
import type { StatsReport } from '../../stats-report.js';
import { ask } from './admin-api.js';
import { byId, clientText, element, KeyedRows, press, setCells, setText } from './element.js';
import { perSecond } from './figures.js';
import { whileInView } from './in-view.js';

const SHOWN = 12;
/** Names that begin alike often differ at their end: of a longer one the middle is left out. */
const LONG = 72;
const EVERY_MS = 2000;

/** @param choose gets the topic that was pressed
 *  @param report gets what went wrong */
export function showTopics(
  mayAsk: () => boolean,
  choose: (topic: string) => void,
  report: (error: unknown) => void,
): void {
  const rows = new KeyedRows(byId('topic-rows'));
  let by: TopicOrder = 'rate';
  const refresh = async (): Promise<void> => {
    try {
      const { topics } = await ask<{ topics: readonly TopicInfo[] }>(`/topics?by=${by}&limit=${SHOWN}`);
      byId('topics-empty').hidden = topics.length > 0;
      rows.show(
        topics,
        ({ topic }) => topic,
        (row, { topic, subscribers, published, messagesPerSecond }, isNew) => {
          if (isNew) row.append(topicCell(topic, choose));
          const messages = messagesPerSecond === undefined ? formatCount(published) : perSecond(messagesPerSecond);
          setCells(row, 1, [messages, formatCount(subscribers)]);
        },
      );
    } catch (error) {
      report(error);
    }
  };
  const repeated = whileInView(byId('topics'), EVERY_MS, mayAsk, refresh);
  const order = byId('topic-order');
  order.addEventListener('click', ({ target }) => {
    if (!(target instanceof HTMLButtonElement)) return;
    by = target.dataset.by as TopicOrder;
    press(order, target);
    repeated.now();
  });
}

function topicCell(topic: string, choose: (topic: string) => void): HTMLTableCellElement {
  const button = element('button', 'link-like', clientText(inShort(topic)));
  button.type = 'button';
  button.title = `Put into the playground: ${topic}`;
  button.addEventListener('click', () => choose(topic));
  return element('td', '', button);
}

function inShort(topic: string): string {
  const characters = [...topic];
  if (characters.length <= LONG) return topic;
  return `${characters.slice(0, LONG / 2).join('')}…${characters.slice(1 - LONG / 2).join('')}`;
}

/** Tells how many topics there are, where not all are listed. One with subscribers on several workers counts on each,
 *  so it is left out there. */
export function showTopicCount({ total, workers }: StatsReport): void {
  const isMore = workers.length === 1 && total.topics > SHOWN;
  setText(byId('topic-count'), isMore ? `${SHOWN} of ${formatCount(total.topics)}` : '');
}
