// Reads a Dockerfile: its stages, each with its base and its instructions in order. Only what ours uses is understood;
// anything else is refused, so that whoever plays the file notices.

export interface Instruction {
  readonly name: string;
  /** What follows the name, continued lines joined, without comments. */
  readonly rest: string;
  readonly line: number;
}

export interface BuildStage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = new Set(
  'RUN COPY WORKDIR ENV USER EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD'.split(' '), // beside FROM
);

/** @throws Error for an instruction that is not understood, with its line */
export function parseDockerfile(text: string): BuildStage[] {
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsIn(text)) {
    const { name, rest, line } = instruction;
    if (name === 'FROM') {
      const match = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest);
      if (match === null) throw new Error(`Dockerfile:${line}: FROM ${rest} is not understood`);
      stages.push({ base: match[1] as string, name: match[2], instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined || !KNOWN.has(name)) throw new Error(`Dockerfile:${line}: ${name} is not understood`);
    stage.instructions.push(instruction);
  }
  if (stages.length === 0) throw new Error('a Dockerfile without FROM');
  return stages;
}

function instructionsIn(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue; // also between continued lines
    const isContinued = /\\\s*$/.test(raw);
    const part = raw.replace(/\\\s*$/, '').trim();
    open = open === undefined ? { text: part, line: index + 1 } : { ...open, text: `${open.text} ${part}` };
    if (isContinued) continue;
    const name = open.text.split(/\s+/, 1)[0] as string;
    found.push({ name: name.toUpperCase(), rest: open.text.slice(name.length).trim(), line: open.line });
    open = undefined;
  }
  return found;
}

/** `A=b C="d e"` → [['A', 'b'], ['C', 'd e']]. */
export function variablesOf(rest: string): [name: string, value: string][] {
  return [...rest.matchAll(/([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, name, value]) => [
    name as string,
    (value as string).startsWith('"') ? JSON.parse(value as string) : (value as string),
  ]);
}

/** The words of ENTRYPOINT and CMD, in their JSON form; the shell form would put a shell before the program.
 *  @throws Error for the shell form */
export function wordsOf({ name, rest, line }: Instruction): string[] {
  if (!rest.startsWith('['))
    throw new Error(`Dockerfile:${line}: ${name} must be a JSON array, or a shell is process 1`);
  return JSON.parse(rest) as string[];
}
