// Plays scenarios against the client under test, a few at a time, and reports the judgements.
import { Adapter } from './adapter.js';
import { FaultyRelay } from './relay.js';
import { type ConformScenario, type Judgement, Stage } from './stage.js';

export interface RunOptions {
  readonly command: readonly string[];
  readonly scenarios: readonly ConformScenario[];
  /** How many scenarios run at the same time. */
  readonly jobs: number;
  /** Factor for all time limits. */
  readonly patience: number;
  readonly stop: AbortSignal;
  /** Called for each scenario that was played, in the order of the list. */
  played(scenario: ConformScenario, judgements: readonly Judgement[]): void;
  /** Called for each scenario that is skipped, with the ability that the client lacks. */
  leftOut(scenario: ConformScenario, lacking: string): void;
}

/** Time limit for an adapter to report that it is ready. */
const READY_MS = 10_000;

/** Starts the adapter once, to learn the client's name and abilities. @throws FanwireError FANWIRE_CONFORM_ADAPTER */
export async function askAdapter({ command, patience }: RunOptions): Promise<Adapter> {
  const adapter = await Adapter.start(command, READY_MS * patience, () => {});
  adapter.stop();
  return adapter;
}

/** @param adapter the result of askAdapter */
export async function runScenarios(options: RunOptions, adapter: Adapter): Promise<void> {
  const { scenarios, stop } = options;
  const waiting = [...scenarios];
  const results = new Map<ConformScenario, readonly Judgement[] | string>();
  let told = 0;
  const tell = (): void => {
    for (let next = scenarios[told]; next !== undefined; next = scenarios[++told]) {
      const result = results.get(next);
      if (result === undefined) return;
      if (typeof result === 'string') options.leftOut(next, result);
      else options.played(next, result);
    }
  };
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !stop.aborted; next = waiting.shift()) {
      const lacking = next.needs?.filter((ability) => !adapter.can(ability)) ?? [];
      const result = lacking.length > 0 ? lacking.join(', ') : await playOne(next, options);
      if (stop.aborted) return;
      results.set(next, result);
      tell();
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
}

async function playOne(
  scenario: ConformScenario,
  { command, patience, stop }: RunOptions,
): Promise<readonly Judgement[]> {
  const stage = new Stage(scenario.name, patience, stop);
  stage.relay = await FaultyRelay.start(stage.changed);
  stop.addEventListener('abort', stage.changed);
  try {
    stage.client = await Adapter.start(command, READY_MS * patience, stage.changed);
    try {
      await scenario.play(stage);
      const { ended, lastWords } = stage.client;
      const hasLeft = scenario.name === 'close' && ended === 'it ended with 0';
      if (ended !== undefined && !hasLeft) stage.judge('the adapter lives on', false, 'it runs', ended + lastWords);
    } finally {
      stage.client.stop();
    }
  } finally {
    stop.removeEventListener('abort', stage.changed);
    stage.relay.stop();
  }
  return stage.judgements;
}
