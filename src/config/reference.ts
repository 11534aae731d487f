// The schema as a page of documentation: docs/configuration.md.
import { type Option, shownDefault, variableOf } from './option.js';
import { groups } from './schema.js';

const INTRODUCTION = `# Configuration

Made from the schema in \`src/config/options\` by \`npm run docs\`; \`fanwire serve --help\` says the same.

Every option is a flag, a variable and a key of the JSON file that \`--config\` (or \`FANWIRE_CONFIG\`) names. A flag wins over a
variable, a variable over the file, the file over the default. An empty variable counts as unset. Sizes take \`k\` and \`m\`
(1024-based). \`fanwire serve --print-config\` prints what is in effect, as a file that \`--config\` takes; secrets are left out.
An unknown name or a value out of range is one line that says what was meant or allowed, and exit code 2.
So is, before the relay starts, a file that cannot be read or does not hold what it should (tokens, keys, certificates, NATS credentials).
`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<');
}

function row(key: string, option: Option): string {
  const shown = shownDefault(option);
  const notes = [option.description];
  if (option.zero !== undefined) notes.push(`0: ${option.zero}`);
  if (option.secret) notes.push('secret');
  return [
    '',
    `\`--${option.flag}\`<br>\`${variableOf(option.flag)}\`<br>\`${key}\``,
    shown === '' ? '' : `\`${shown}\``,
    cell(option.type.description ?? ''),
    cell(notes.join('. ')),
    '',
  ]
    .join(' | ')
    .trim();
}

/** All options, a table a group. */
export function configurationReference(): string {
  const sections = groups.map(({ title, options }) => {
    const rows = Object.entries(options as Record<string, Option>).map(([key, option]) => row(key, option));
    return `## ${title}\n\n| flag, variable, key | default | takes | what it does |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}
