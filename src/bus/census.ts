// How many subscribers a topic has and who they are: every relay that has any is asked, and the answers are added up.
import type { Member } from '../protocol/ops.js';

/** What one relay, or several together, know of a topic's subscribers. */
export interface Census {
  readonly subscribers: number;
  /** Members are subscribers of a topic with presence. */
  readonly memberCount: number;
  /** The first of them; empty where only numbers were asked for. */
  readonly members: readonly Member[];
}

export interface Question {
  readonly topic: string;
  /** A confirmation is asked of the thread that speaks to other nodes: see Bus.confirm. If it succeeds, its census
   *  counts one. */
  readonly wants: 'count' | 'members' | 'confirmation';
  /** Workers of this process answer exactly; other nodes only as far as they answer in time. */
  readonly reach: 'process' | 'cluster';
  /** Waits for a thread that is only busy. Not for questions that a client can trigger, since they would pile up. */
  readonly isPatient?: boolean;
}

/** Answers for this relay. */
export type TakeCensus = (topic: string, wants: Question['wants']) => Census | Promise<Census>;

export const NOBODY: Census = { subscribers: 0, memberCount: 0, members: [] };

/** How many members an answer names; all are counted. */
export const MAX_LISTED_MEMBERS = 1000;

export function together(parts: readonly Census[]): Census {
  return {
    subscribers: parts.reduce((sum, part) => sum + part.subscribers, 0),
    memberCount: parts.reduce((sum, part) => sum + part.memberCount, 0),
    members: parts.flatMap(({ members }) => members).slice(0, MAX_LISTED_MEMBERS),
  };
}

/** A relay that has not answered by then is stuck or gone; the others' answers are not held up for it. */
const ANSWER_MS = 500;
const PATIENT_ANSWER_MS = 10_000;

interface Survey {
  readonly waitingFor: Set<number>;
  readonly answers: Census[];
  readonly finish: () => void;
}

/** Questions to other threads that are under way. */
export class Surveys {
  private readonly open = new Map<number, Survey>();
  private nextId = 1;

  /** `ask` sends the question by its number. Resolves when all of `peers` have answered, or when time is up. */
  begin(peers: readonly number[], ask: (id: number) => void, isPatient = false): Promise<readonly Census[]> {
    if (peers.length === 0) return Promise.resolve([]);
    const id = this.nextId++;
    return new Promise((resolve) => {
      const answers: Census[] = [];
      const finish = (): void => {
        clearTimeout(tooLate);
        this.open.delete(id);
        resolve(answers);
      };
      const tooLate = setTimeout(finish, isPatient ? PATIENT_ANSWER_MS : ANSWER_MS).unref();
      this.open.set(id, { waitingFor: new Set(peers), answers, finish });
      ask(id);
    });
  }

  answered(peer: number, id: number, census: Census): void {
    const survey = this.open.get(id);
    if (survey?.waitingFor.delete(peer) !== true) return;
    survey.answers.push(census);
    if (survey.waitingFor.size === 0) survey.finish();
  }

  /** A thread has ended, and will not answer any more. */
  gone(peer: number): void {
    for (const survey of [...this.open.values()]) {
      if (survey.waitingFor.delete(peer) && survey.waitingFor.size === 0) survey.finish();
    }
  }
}
