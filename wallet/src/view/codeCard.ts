// The white card with the code. A code that is over is never on the screen: it is replaced well before,
// and wiped when the page goes to the background, where no timer can be trusted.

import { now } from '../phone/clock';
import { PartOver, type ShownCode, nextCode } from '../phone/codes';
import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { clearCode, drawCode } from './qr';
import { say } from './words';

/** A code is replaced when so much of its life is over: gates still take it for as long again. */
const REPLACED_AT = 0.5;

/** A code with less than this left is wiped at once, whatever else happens. */
const WIPED_MS = 3_000;

const LOOK_MS = 250;

function isHidden(): boolean {
  return document.visibilityState === 'hidden';
}

export class CodeCard {
  readonly element: HTMLElement;

  private readonly canvas = h('canvas', { class: 'code', role: 'img', 'data-testid': 'code' });
  private readonly hint = h('p', { class: 'hold' });
  private readonly next = h('p', { class: 'next', 'data-testid': 'next' });
  private readonly bar = h('div', { class: 'bar' }, h('div'));
  private readonly big = h('button', { class: 'quiet round', type: 'button', click: () => this.toggleBig() });
  private rider: Rider | undefined;
  private shown: ShownCode | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private making = false;
  private wakeLock: WakeLockSentinel | undefined;

  constructor(private readonly changed: () => void) {
    this.element = h(
      'section',
      { class: 'card', 'data-testid': 'card' },
      h('div', { class: 'box' }, this.canvas),
      this.bar,
      h('div', { class: 'under' }, h('div', {}, this.hint, this.next), this.big),
    );
    document.addEventListener('visibilitychange', () => this.look());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && document.body.classList.contains('big')) this.toggleBig();
    });
    globalThis.addEventListener('resize', () => this.draw());
  }

  /** Whether a code stands on the screen. */
  get isShown(): boolean {
    return this.shown !== undefined;
  }

  async start(rider: Rider): Promise<void> {
    const same = this.rider?.account === rider.account;
    this.rider = rider;
    if (!same) this.wipe();
    this.label();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), LOOK_MS);
    if (same && this.shown !== undefined) this.draw();
    else await this.renew();
  }

  /** The rider has a fresh issuer part; the next code is made around it. */
  change(rider: Rider): void {
    this.rider = rider;
    if (this.shown === undefined) void this.renew();
  }

  stop(): void {
    clearInterval(this.timer);
    this.rider = undefined;
    this.wipe();
  }

  private look(): void {
    if (isHidden()) {
      this.wipe();
      return;
    }
    void this.stayAwake();
    const shown = this.shown;
    if (shown === undefined) {
      void this.renew();
      return;
    }
    if (shown.untilMs - now() < WIPED_MS || now() < shown.madeAtMs - WIPED_MS) this.wipe();
    const replaceAt = shown.madeAtMs + (shown.untilMs - shown.madeAtMs) * REPLACED_AT;
    const left = replaceAt - now();
    if (left <= 0) void this.renew();
    this.countDown(Math.max(0, left), replaceAt - shown.madeAtMs);
  }

  private async renew(): Promise<void> {
    const rider = this.rider;
    if (rider === undefined || this.making || isHidden()) return;
    this.making = true;
    try {
      const code = await nextCode(rider);
      if (this.rider?.account !== rider.account || isHidden()) return;
      this.shown = code;
      this.draw();
    } catch (error) {
      if (!(error instanceof PartOver)) console.error(error);
      this.wipe();
    } finally {
      this.making = false;
      this.changed();
    }
  }

  private draw(): void {
    const shown = this.shown;
    const box = this.canvas.parentElement;
    if (shown === undefined || box === null) return;
    const bounds = box.getBoundingClientRect();
    const room = document.body.classList.contains('big') ? Math.min(bounds.width, innerHeight * 0.72) : bounds.width;
    if (room > 0) drawCode(this.canvas, shown.text, room);
    this.canvas.classList.remove('wiped');
    // For whoever tests this page; the code itself is on the screen anyway.
    this.canvas.dataset['text'] = shown.text;
  }

  private wipe(): void {
    this.shown = undefined;
    clearCode(this.canvas);
    this.canvas.classList.add('wiped');
    delete this.canvas.dataset['text'];
    this.next.textContent = '';
  }

  private countDown(leftMs: number, wholeMs: number): void {
    const fill = this.bar.firstElementChild;
    if (fill instanceof HTMLElement) fill.style.transform = `scaleX(${leftMs / wholeMs})`;
    const text = say('code.new', { seconds: Math.ceil(leftMs / 1000) });
    if (this.shown !== undefined && this.next.textContent !== text) this.next.textContent = text;
  }

  private label(): void {
    this.canvas.setAttribute('aria-label', say('code.label', { name: this.rider?.name ?? '' }));
    this.hint.textContent = say('code.hold');
    const isBig = document.body.classList.contains('big');
    const text = say(isBig ? 'code.small' : 'code.big');
    this.big.setAttribute('aria-pressed', String(isBig));
    this.big.replaceChildren(icon(ICONS.big), h('span', {}, text));
  }

  private toggleBig(): void {
    document.body.classList.toggle('big');
    this.label();
    this.draw();
    this.big.focus();
  }

  private async stayAwake(): Promise<void> {
    if (this.wakeLock !== undefined && !this.wakeLock.released) return;
    if (!('wakeLock' in navigator)) return;
    try {
      this.wakeLock = await navigator.wakeLock.request('screen');
    } catch {
      // A phone that saves power may say no; it is asked again at the next look.
    }
  }
}
