// Bytes as base64 and back (RFC 4648, section 4), without atob and btoa: not every runtime has them (React Native
// before 0.74).

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  for (; at < bytes.length; at += 3) {
    // Bytes beyond the end count as 0.
    const group = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    for (let shift = 18; shift >= 0; shift -= 6) text += DIGITS[(group >> shift) & 63];
  }
  const padding = at - bytes.length;
  return text.slice(0, text.length - padding) + '=='.slice(0, padding);
}

export function fromBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const digit of text) {
    if (digit === '=') break;
    bits = (bits << 6) | DIGITS.indexOf(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push((bits >> count) & 255);
    }
  }
  return Uint8Array.from(bytes);
}
