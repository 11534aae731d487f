// The options of a command as a page of documentation.
import { type Option, type Schema, shownDefault, shownFlag, variableOf } from './option.js';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<');
}

function row(prefix: string, key: string, option: Option): string {
  const shown = shownDefault(option);
  const notes = [option.description];
  if (option.zero !== undefined) notes.push(`0: ${option.zero}`);
  if (option.repeats || option.joinedBy !== undefined) notes.push('The flag may be given more than once');
  if (option.secret) notes.push('secret');
  const initial = option.usually?.replace(/^default /, '') ?? (shown === '' ? '' : `\`${shown}\``);
  return [
    '',
    `\`${shownFlag(option)}\`<br>\`${variableOf(option.flag, prefix)}\`<br>\`${key}\``,
    cell(initial),
    cell(option.type.description ?? ''),
    cell(notes.join('. ')),
    '',
  ]
    .join(' | ')
    .trim();
}

/** All options of `schema` below `introduction`, a table a group. */
export function optionReference(schema: Schema, introduction: string): string {
  const sections = schema.groups.map(({ title, options }) => {
    const rows = Object.entries(options).map(([key, option]) => row(schema.prefix, key, option));
    return `## ${title}\n\n| flag, variable, key | default | takes | what it does |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${introduction}\n${sections.join('\n')}`;
}
