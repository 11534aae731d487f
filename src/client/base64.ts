// Bytes as base64 and back (RFC 4648, section 4), without atob and btoa: not every runtime has them (React Native
// before 0.74).

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.split('');

export function toBase64(bytes: Uint8Array): string {
  const padding = (3 - (bytes.length % 3)) % 3;
  const digits = regroup([...bytes, ...[0, 0].slice(0, padding)], 8, 6).map((digit) => DIGITS[digit]);
  return digits.fill('=', digits.length - padding).join('');
}

export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/=/g, '').split('');
  return Uint8Array.from(
    regroup(
      digits.map((digit) => DIGITS.indexOf(digit)),
      6,
      8,
    ),
  );
}

/** The same bits in groups of another size; what does not fill one is left out. */
function regroup(groups: readonly number[], size: number, newSize: number): number[] {
  const regrouped: number[] = [];
  let bits = 0;
  let count = 0;
  for (const group of groups) {
    bits = ((bits << size) | group) & 0xffff;
    for (count += size; count >= newSize; regrouped.push((bits >> count) & (2 ** newSize - 1))) count -= newSize;
  }
  return regrouped;
}
