// The first code after the page is opened: the current rider's, drawn before anything else of the page is there.

import { now } from './phone/clock';
import { type ShownCode, codeWith } from './phone/codes';
import { type Picture, wantedPicture } from './phone/picture';
import { type Rider, currentOf, ridersAtStart } from './phone/riders';
import { clearCode, drawCode } from './view/qr';

/** What stands on the screen when the rest of the page comes. */
export interface First {
  /** The riders of this phone; nothing when the browser keeps nothing. */
  riders: Rider[] | null;
  code: FirstCode | null;
}

export interface FirstCode {
  account: string;
  canvas: HTMLCanvasElement;
  /** One of the two. */
  shown: ShownCode | undefined;
  picture: Picture | null;
}

/** How high the top of the page was when it was last shown: the code stands below it from the beginning. */
export const TOP_HEIGHT = 'top-height';

/** Draws the code of the current rider; there is none before a rider is enrolled, nor without the issuer's word. */
export async function showFirst(root: HTMLElement): Promise<First> {
  const startMs = now();
  // A code that nobody sees is not made: it would be over when somebody does.
  const isHidden = document.visibilityState === 'hidden';
  const needsCode = (rider: Rider): boolean =>
    !isHidden && startMs < rider.notAfterMs && wantedPicture(rider, startMs) === null;
  let riders: Rider[];
  let counted: boolean;
  try {
    [riders, counted] = await ridersAtStart(needsCode);
  } catch {
    return { riders: null, code: null };
  }
  const rider = currentOf(riders);
  if (rider === undefined || isHidden) return { riders, code: null };
  const picture = wantedPicture(rider, startMs);
  try {
    const shown = picture === null && counted ? await codeWith(rider, rider.counter, startMs) : undefined;
    const text = picture?.text ?? shown?.text;
    if (text === undefined) return { riders, code: null };
    return { riders, code: { account: rider.account, canvas: draw(root, text, shown?.untilMs), shown, picture } };
  } catch (error) {
    console.error(error);
    return { riders, code: null };
  }
}

function draw(root: HTMLElement, text: string, untilMs: number | undefined): HTMLCanvasElement {
  const top = part('header', 'top');
  top.style.minHeight = `${Number(localStorage.getItem(TOP_HEIGHT)) || 0}px`;
  const [main, card, box, canvas] = [part('main', ''), part('section', 'card'), part('div', 'box'), part('canvas', 'code')];
  canvas.setAttribute('role', 'img');
  canvas.dataset['testid'] = 'code';
  box.append(canvas);
  card.append(box);
  main.append(card);
  root.replaceChildren(top, main);
  drawCode(canvas, text, box.getBoundingClientRect().width);
  canvas.dataset['text'] = text;
  watch(canvas, text, untilMs);
  return canvas;
}

function part<K extends keyof HTMLElementTagNameMap>(tag: K, name: string): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}

/** Should the rest of the page never come, a code does not outlive its time here either. */
function watch(canvas: HTMLCanvasElement, text: string, untilMs: number | undefined): void {
  const wipe = (): void => {
    if (canvas.dataset['text'] !== text) return;
    clearCode(canvas);
    delete canvas.dataset['text'];
  };
  document.addEventListener('visibilitychange', wipe, { once: true });
  if (untilMs !== undefined) setTimeout(wipe, Math.max(0, untilMs - now() - 3_000));
}
