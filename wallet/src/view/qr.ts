// A code as a picture: whole device pixels for each module, dark on light, with its quiet zone.

import encodeQR from 'qr';

/** Light modules around the code, as ISO/IEC 18004 asks. */
const QUIET = 4;

/** Draws `text` as large as the canvas' box allows. */
export function drawCode(canvas: HTMLCanvasElement, text: string, boxPx: number): void {
  const scale = globalThis.devicePixelRatio || 1;
  const modules = modulesOf(text);
  const perModule = Math.max(1, Math.floor((boxPx * scale) / modules.length));
  const side = perModule * modules.length;
  canvas.width = side;
  canvas.height = side;
  canvas.style.width = `${side / scale}px`;
  canvas.style.height = `${side / scale}px`;
  paint(whitePen(canvas), modules, perModule, 0);
}

/** The code as a PNG of a phone's width, with lines of text below it: for the lock screen. */
export function codeFile(text: string, lines: string[]): Promise<Blob> {
  const canvas = document.createElement('canvas');
  const modules = modulesOf(text);
  const perModule = Math.floor(FILE_PX / modules.length);
  canvas.width = FILE_PX;
  canvas.height = FILE_PX + LINE_PX * (lines.length + 1);
  const pen = whitePen(canvas);
  paint(pen, modules, perModule, Math.floor((FILE_PX - perModule * modules.length) / 2));
  pen.font = `${Math.round(LINE_PX * 0.6)}px system-ui, sans-serif`;
  pen.textAlign = 'center';
  lines.forEach((line, n) => pen.fillText(line, FILE_PX / 2, FILE_PX + LINE_PX * (n + 0.7), FILE_PX * 0.94));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('this browser makes no picture')) : resolve(blob)));
  });
}

/** Width of a file, and height of a line in it. */
const FILE_PX = 1_080;
const LINE_PX = 72;

/** Ride codes, pictures and digits are in the smaller alphabet of QR codes; some pay codes are not. */
function modulesOf(text: string): boolean[][] {
  const encoding = /^[0-9A-Z $%*+\-./:]*$/.test(text) ? 'alphanumeric' : 'byte';
  return encodeQR(text, 'raw', { ecc: 'low', encoding, border: QUIET });
}

/** A pen for a canvas that is white all over. */
function whitePen(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const pen = canvas.getContext('2d', { alpha: false });
  if (pen === null) throw new Error('this browser cannot draw');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = '#000';
  return pen;
}

/** As one shape of runs of dark modules: thousands of single squares take a slow phone their time. */
function paint(pen: CanvasRenderingContext2D, modules: boolean[][], perModule: number, margin: number): void {
  pen.beginPath();
  modules.forEach((row, y) => {
    let x = 0;
    while (x < row.length) {
      const from = x;
      while (row[x] === true) x += 1;
      if (x > from) pen.rect(margin + from * perModule, margin + y * perModule, (x - from) * perModule, perModule);
      x += 1;
    }
  });
  pen.fill();
}

/** Leaves nothing to be read. */
export function clearCode(canvas: HTMLCanvasElement): void {
  const pen = canvas.getContext('2d', { alpha: false });
  if (pen === null) return;
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
}
