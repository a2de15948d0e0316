// A code as a picture: whole device pixels for each module, dark on light, with its quiet zone.

import encodeQR from 'qr';

/** Light modules around the code, as ISO/IEC 18004 asks. */
const QUIET = 4;

/** Draws `text` as large as the canvas' box allows. */
export function drawCode(canvas: HTMLCanvasElement, text: string, boxPx: number): void {
  const modules = encodeQR(text, 'raw', { ecc: 'low', encoding: 'alphanumeric', border: QUIET });
  const scale = globalThis.devicePixelRatio || 1;
  const perModule = Math.max(1, Math.floor((boxPx * scale) / modules.length));
  const side = perModule * modules.length;
  canvas.width = side;
  canvas.height = side;
  canvas.style.width = `${side / scale}px`;
  canvas.style.height = `${side / scale}px`;
  const pen = canvas.getContext('2d', { alpha: false });
  if (pen === null) throw new Error('this browser cannot draw');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, side, side);
  pen.fillStyle = '#000';
  modules.forEach((row, y) =>
    row.forEach((dark, x) => {
      if (dark) pen.fillRect(x * perModule, y * perModule, perModule, perModule);
    }),
  );
}

/** Leaves nothing to be read. */
export function clearCode(canvas: HTMLCanvasElement): void {
  const pen = canvas.getContext('2d', { alpha: false });
  if (pen === null) return;
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
}
