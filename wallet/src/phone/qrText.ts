// What the QR code in a picture says.

import decodeQR from 'qr/decode.js';

/** Longest side of a picture that is looked at; phones take larger ones. */
const PICTURE_PX_MAX = 1_600;

/** Nothing when none is read. */
export async function textIn(file: Blob): Promise<string | null> {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, PICTURE_PX_MAX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    const pen = canvas.getContext('2d');
    if (pen === null) return null;
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return decodeQR({ width, height, data }, { timeLimit: 3_000 });
  } catch {
    return null;
  }
}
