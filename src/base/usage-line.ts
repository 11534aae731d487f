// What commander says of a wrong flag, as one line: its own has two where it suggests another name.

/** @param mend what to do, where commander suggests nothing */
export function usageLine(program: string, message: string, mend = ''): string {
  const line = message
    .replace(/^error: /, '')
    .trimEnd()
    .replace(/\s*\n\s*/g, ' ');
  const hint = mend === '' || line.includes('(Did you mean') ? '' : `; ${mend}`;
  return `${program}: ${line}${hint} [FANWIRE_USAGE]\n`;
}
