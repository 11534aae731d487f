// Asks the other nodes about a topic's subscribers.
import { type NatsConnection, NoRespondersError } from '@nats-io/transport-node';
import type { Census, Question } from './census.js';
import { questionSubject } from './subject.js';

/** How long nodes may take to answer. */
const SURVEY_MS = 150;

/** Nodes that have subscribers of the topic answer. There is no telling how many will, so this takes its full time unless there are
 *  none. Rejects where NATS goes away meanwhile. */
export async function surveyNodes(
  nats: NatsConnection,
  prefix: string,
  topic: string,
  wants: Question['wants'],
): Promise<Census[]> {
  const answers: Census[] = [];
  try {
    const replies = await nats.requestMany(questionSubject(prefix, topic), wants, {
      strategy: 'timer',
      maxWait: SURVEY_MS,
    });
    for await (const reply of replies) answers.push(reply.json<Census>());
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
  }
  return answers;
}
