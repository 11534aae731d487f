// The tables of codes as a page of documentation: docs/errors.md.
import { ERROR_CODES, type ErrorMeaning } from '../src/base/error-codes.js';
import { CLOSES, Invalid, type Refusal, Refused } from '../src/protocol/codes.js';

const INTRODUCTION = `# Codes

Made by \`npm run docs\` from \`src/protocol/codes.ts\` and \`src/base/error-codes.ts\`. Every error is one line that names the thing,
the value and the mend, and carries a code that stays the same: programs test the code, people read the line.

Exit codes of every command: 0 good; 1 judged and bad, or failed; 2 a wrong flag, variable or file; 3 nothing could be measured;
130 interrupted.
`;

const REFUSALS_NOTE = `An \`error\` op of \`fanwire.v1\` has the same code, and says the retry as \`retryAfterMs\` or \`authenticate\`. The seconds are the
least; some answers say more. What the message says of a limit or a value is of the moment. \`fanwire pub\` and \`fanwire sub\` end with
exit code 1 on each.
`;

const INVALID_NOTE = `In an \`error\` op, or among the \`rejected\` lines of a batch; the connection stays, the other lines are published. Final: the
same op or line is refused again.
`;

function table(title: string, head: string, rows: readonly (readonly (string | number)[])[]): string {
  const lines = rows.map((cells) => `| ${cells.join(' | ')} |`);
  const rule = head.replace(/[^|]+/g, ' --- ');
  return `## ${title}\n\n${head}\n${rule}\n${lines.join('\n')}\n`;
}

function retryRule({ status, retryAfterS, authenticate }: Refusal): string {
  if (retryAfterS !== undefined) return `after ${retryAfterS} s`;
  return authenticate || status === 401 ? 'with another token' : 'final';
}

/** The page's text. */
export function errorReference(): string {
  const closes = Object.values(CLOSES).map(({ code, when, client }) => [code, when, client]);
  const refusals = Object.values<Refusal>(Refused).map((each) => [
    `\`${each.code}\``,
    each.status,
    retryRule(each),
    each.message,
  ]);
  const invalid = Object.values(Invalid).map(({ code, meaning }) => [`\`${code}\``, meaning]);
  const errors = Object.entries<ErrorMeaning>(ERROR_CODES);
  const ofCommands = errors.filter(([, { exit }]) => exit !== undefined);
  const inProcess = errors.filter(([, { exit }]) => exit === undefined);
  return [
    INTRODUCTION,
    table('Closes', '| close code | when | what a client does |', closes),
    table('Refusals of the relay', '| code | HTTP status | retry | meaning |', refusals),
    REFUSALS_NOTE,
    table('Invalid ops and lines', '| code | meaning |', invalid),
    INVALID_NOTE,
    table(
      'Errors of commands',
      '| code | exit code | meaning |',
      ofCommands.map(([code, { exit, meaning }]) => [`\`${code}\``, exit ?? '', meaning]),
    ),
    table(
      'Errors of the client library, and between workers',
      '| code | meaning |',
      inProcess.map(([code, { meaning }]) => [`\`${code}\``, meaning]),
    ),
  ].join('\n');
}
