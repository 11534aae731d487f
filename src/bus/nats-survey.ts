// Asks the other nodes about a topic's subscribers.
import { type Msg, type NatsConnection, NoRespondersError } from '@nats-io/transport-node';
import type { SampledWarnings } from '../base/log.js';
import { SharedWork } from '../base/shared-work.js';
import { type Census, NOBODY, type Question, type TakeCensus } from './census.js';
import { questionSubject } from './subject.js';

/** Questions to other nodes at a time. More wait, since each keeps every node busy for a moment. */
const SURVEYS_AT_ONCE = 32;
/** Questions that may wait, which takes some five seconds. Of more, the answer is what this node knows. */
const MAX_WAITING = 1000;
/** How long an answer is reused if other nodes ask the same question. */
const ANSWER_HOLDS_MS = 50;
/** How long nodes may take to answer. */
const SURVEY_MS = 150;

/** The questions of a node, and its answers to others'. */
export class NatsSurveys {
  takeCensus: TakeCensus = () => NOBODY;
  /** Who asks what is being asked already waits for the next answer. */
  private readonly surveys = new SharedWork<string, readonly Census[]>(SURVEYS_AT_ONCE, (key) => this.survey(key));
  /** By question: many nodes ask at once when many of their clients do. */
  private readonly answers = new Map<string, Promise<string>>();

  /** @param nats the connection, undefined while there is none */
  constructor(
    private readonly prefix: string,
    private readonly nats: () => NatsConnection | undefined,
    private readonly warnings: SampledWarnings,
  ) {}

  ask({ topic, wants }: Question): Promise<readonly Census[]> {
    const key = `${wants} ${topic}`;
    if (this.surveys.pending < MAX_WAITING || this.surveys.isQueued(key)) return this.surveys.do(key);
    this.warnings.warn('too many questions to other nodes: answered by this node alone', { topic });
    return Promise.resolve([]);
  }

  /** Answers another node's question; all who ask it within ANSWER_HOLDS_MS get the same. */
  answer(topic: string, question: Msg): void {
    const wants = question.string() === 'members' ? 'members' : 'count';
    const key = `${wants} ${topic}`;
    let answer = this.answers.get(key);
    if (answer === undefined) {
      answer = Promise.resolve(this.takeCensus(topic, wants)).then((census) => JSON.stringify(census));
      this.answers.set(key, answer);
      setTimeout(() => this.answers.delete(key), ANSWER_HOLDS_MS).unref();
    }
    answer.then((text) => question.respond(text)).catch(() => {}); // NATS has gone away, and the question with it
  }

  private async survey(key: string): Promise<readonly Census[]> {
    const nats = this.nats();
    if (nats === undefined) return [];
    const [wants, topic] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)];
    try {
      return await surveyNodes(nats, this.prefix, topic, wants as Question['wants']);
    } catch (error) {
      if (this.nats() === nats) this.warnings.warn('NATS survey failed', { topic, reason: (error as Error).message });
      return [];
    }
  }
}

/** Nodes that have subscribers of the topic answer. How many will is not known, so this always takes SURVEY_MS, unless
 *  there are none. Rejects if NATS goes away meanwhile. */
async function surveyNodes(
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
