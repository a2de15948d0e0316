// The white card with the code. While a payment app's code is kept it is that one, while a journey is open the picture
// for the exit, which both stay as they are; else a ride code. A code that is over is never on the screen: it is replaced well before, and wiped
// when the page goes to the background, where no timer can be trusted.

import type { FirstCode } from '../first';
import { now } from '../phone/clock';
import { PartOver, type ShownCode, nextCode } from '../phone/codes';
import { PAY_CODE } from '../phone/payCode';
import { type Picture, wantedPicture } from '../phone/picture';
import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { clearCode, codeFile, drawCode } from './qr';
import { clockTime, say, stationName } from './words';

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

  private readonly canvas: HTMLCanvasElement;
  private readonly hint = h('p', { class: 'hold' });
  private readonly next = h('p', { class: 'next', 'data-testid': 'next' });
  private readonly bar = h('div', { class: 'bar' }, h('div'));
  private readonly save = h('button', { class: 'quiet', type: 'button', 'data-testid': 'save', click: () => void this.saveFile() });
  private readonly other = h('button', { class: 'quiet', type: 'button', 'data-testid': 'other', click: () => this.toggleOther() });
  private readonly choices = h('div', { class: 'choices' }, this.save, this.other);
  private readonly big = h('button', { class: 'quiet round', type: 'button', click: () => this.toggleBig() });
  private rider: Rider | undefined;
  /** Whose code stands there. */
  private of: string | undefined;
  private shown: ShownCode | undefined;
  private picture: Picture | null = null;
  /** The entry whose picture the rider has put away for the ride code. */
  private putAway: string | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private making = false;
  private wakeLock: WakeLockSentinel | undefined;

  /** Around the code that the start has drawn, if it has. */
  constructor(
    private readonly changed: () => void,
    first: FirstCode | null,
  ) {
    this.canvas = first?.canvas ?? h('canvas', { class: 'code', role: 'img', 'data-testid': 'code' });
    // It may have been wiped meanwhile.
    if (first !== null && this.canvas.dataset['text'] !== undefined) {
      this.of = first.account;
      this.shown = first.shown;
      this.picture = first.picture;
    }
    this.element = h(
      'section',
      { class: 'card', 'data-testid': 'card' },
      h('div', { class: 'box' }, this.canvas),
      this.bar,
      h('div', { class: 'under' }, h('div', {}, this.hint, this.next), this.big),
      this.choices,
    );
    document.addEventListener('visibilitychange', () => this.look());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && document.body.classList.contains('big')) this.toggleBig();
    });
    globalThis.addEventListener('resize', () => this.redraw());
  }

  /** Whether a code stands on the screen. */
  get isShown(): boolean {
    return this.shown !== undefined || this.picture !== null;
  }

  async start(rider: Rider): Promise<void> {
    const same = this.of === rider.account;
    this.rider = rider;
    this.of = rider.account;
    if (!same) this.wipe();
    this.choose();
    this.label();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), LOOK_MS);
    if (same && this.isShown) this.draw();
    else await this.renew();
  }

  /** The rider has a fresh issuer part, and the next code is made around it; or a picture has come or gone. */
  change(rider: Rider): void {
    this.rider = rider;
    this.choose();
    if (!this.isShown) void this.renew();
  }

  /** Picture or ride code: whichever belongs on the card now. */
  private choose(): void {
    const wanted = this.wanted();
    const picture = wanted?.entry === this.putAway ? null : wanted;
    this.other.hidden = wanted === null;
    if (picture?.text === this.picture?.text) return;
    this.wipe();
    this.picture = picture;
    this.label();
    this.draw();
  }

  private wanted(): Picture | null {
    return wantedPicture(this.rider, now());
  }

  stop(): void {
    clearInterval(this.timer);
    this.rider = undefined;
    this.of = undefined;
    this.wipe();
  }

  private look(): void {
    if (isHidden()) {
      this.wipe();
      return;
    }
    void this.stayAwake();
    this.choose();
    if (this.picture !== null) {
      this.draw();
      return;
    }
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
    if (rider === undefined || this.picture !== null || this.making || isHidden()) return;
    this.making = true;
    try {
      const code = await nextCode(rider);
      if (this.rider?.account !== rider.account || this.picture !== null || isHidden()) return;
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
    const text = this.picture?.text ?? this.shown?.text;
    const box = this.canvas.parentElement;
    if (text === undefined || box === null || this.canvas.dataset['text'] === text) return;
    this.drawNow(text, box);
  }

  private drawNow(text: string, box: HTMLElement): void {
    const bounds = box.getBoundingClientRect();
    const room = document.body.classList.contains('big') ? Math.min(bounds.width, innerHeight * 0.72) : bounds.width;
    if (room <= 0) return;
    drawCode(this.canvas, text, room);
    this.canvas.classList.remove('wiped');
    // For whoever tests this page; the code itself is on the screen anyway.
    this.canvas.dataset['text'] = text;
  }

  /** Draws once more what stands there, for another size. */
  private redraw(): void {
    delete this.canvas.dataset['text'];
    this.draw();
  }

  private wipe(): void {
    this.shown = undefined;
    this.picture = null;
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
    const picture = this.picture;
    const name = this.rider?.name ?? '';
    const pays = picture?.entry === PAY_CODE;
    const label = pays ? 'pay.label' : 'picture.label';
    this.canvas.setAttribute('aria-label', say(picture === null ? 'code.label' : label, { name }));
    this.hint.textContent = say(picture === null ? 'code.hold' : pays ? 'pay.hold' : 'picture.hold');
    if (picture !== null && !pays) this.next.textContent = say('picture.until', { time: clockTime(picture.validUntilMs) });
    this.element.dataset['shows'] = picture === null ? 'code' : pays ? 'pay-code' : 'picture';
    this.bar.hidden = picture !== null;
    this.save.hidden = picture === null;
    this.save.textContent = say('picture.save');
    const back = this.wanted()?.entry === PAY_CODE ? 'pay.back' : 'picture.back';
    this.other.textContent = say(picture === null ? back : 'picture.other');
    const isBig = document.body.classList.contains('big');
    const text = say(isBig ? 'code.small' : 'code.big');
    this.big.setAttribute('aria-pressed', String(isBig));
    this.big.replaceChildren(icon(ICONS.big), h('span', {}, text));
  }

  private toggleBig(): void {
    document.body.classList.toggle('big');
    this.label();
    this.redraw();
    this.big.focus();
  }

  /** The ride code instead of the picture, or back. */
  private toggleOther(): void {
    this.putAway = this.picture === null ? undefined : this.wanted()?.entry;
    this.choose();
    if (!this.isShown) void this.renew();
  }

  /** The picture as a file, for the lock screen. */
  private async saveFile(): Promise<void> {
    const { picture, rider } = this;
    if (picture === null || rider === undefined) return;
    const from = rider.journeys.find((journey) => journey.entry === picture.entry)?.from;
    const time = clockTime(picture.enteredAtMs);
    const pays = picture.entry === PAY_CODE;
    const lines = pays
      ? [say('pay.hold')]
      : [
          from === undefined ? '' : say('open.from', { station: stationName(from), time }),
          say('picture.until', { time: clockTime(picture.validUntilMs) }),
        ];
    const url = URL.createObjectURL(await codeFile(picture.text, lines));
    h('a', { href: url, download: `metro-${pays ? 'pay' : 'exit'}-${time.replace(':', '')}.png` }).click();
    // The browser has begun to read by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
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
