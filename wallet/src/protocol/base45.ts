// base45 (RFC 9285): two bytes as three of the 45 characters that a QR code packs tightly.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

export function encode(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 2) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1];
    let number = second === undefined ? first : first * 256 + second;
    for (let digit = 0; digit < (second === undefined ? 2 : 3); digit += 1) {
      text += DIGITS[number % 45];
      number = Math.floor(number / 45);
    }
  }
  return text;
}

/** The bytes that a text spells; throws at anything else. */
export function decode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 3) {
    const group = Array.from(text.slice(at, at + 3), (letter) => DIGITS.indexOf(letter));
    const number = group.reduceRight((sum, digit) => sum * 45 + digit, 0);
    const most = group.length === 3 ? 0xffff : 0xff;
    if (group.length === 1 || group.includes(-1) || number > most) throw new Error(`not base45 at ${at}`);
    if (group.length === 3) bytes.push(number >> 8);
    bytes.push(number & 0xff);
  }
  return Uint8Array.from(bytes);
}
