// What commander says of a wrong flag, as one line: its own has two where it suggests another name.

export function usageLine(program: string, message: string): string {
  const line = message
    .replace(/^error: /, '')
    .trimEnd()
    .replace(/\s*\n\s*/g, ' ');
  return `${program}: ${line} [FANWIRE_USAGE]\n`;
}
