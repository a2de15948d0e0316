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
