// The page: who rides, the code, whether it is ready, and the journeys below.

import { type First, type FirstCode, TOP_HEIGHT } from './first';
import { clockState, now } from './phone/clock';
import { canMakeKeys } from './phone/key';
import { type Rider, allRiders, chooseRider, currentOf } from './phone/riders';
import { enrolRider, follow } from './phone/sync';
import { Refused, Unreachable } from './server/api';
import { balance } from './view/balance';
import { CodeCard } from './view/codeCard';
import { h } from './view/dom';
import { header } from './view/header';
import { JourneyList } from './view/journeys';
import { openJourney } from './view/openJourney';
import { payCode } from './view/payCode';
import { ProductList } from './view/products';
import { readyLine } from './view/ready';
import { ridersDialog } from './view/riders';
import { welcome } from './view/welcome';
import { chooseLanguage, loadWords, say } from './view/words';

/** The page, around the code that stands there already. */
export async function openApp(root: HTMLElement, first: First): Promise<App> {
  await loadWords();
  const app = new App(root, first.code);
  app.start(first.riders);
  return app;
}

export class App {
  /** Whether the page opens with no network. */
  isSaved = false;

  private riders: Rider[] = [];
  private isReached = true;
  private stopFollowing = (): void => {};
  private readonly card: CodeCard;
  private readonly list = new JourneyList((rider) => this.take(rider));
  private readonly products = new ProductList();
  private readonly top = h('header', { class: 'top' });
  private readonly ready = h('div', { class: 'ready', role: 'status' });
  private readonly open = h('div');
  private readonly balance = h('div');
  private readonly pay = h('div');

  constructor(
    private readonly root: HTMLElement,
    first: FirstCode | null,
  ) {
    this.card = new CodeCard(() => this.showReady(), first);
  }

  /** Shows the riders, or that nothing can be kept here. */
  start(riders: Rider[] | null): void {
    if (riders === null) {
      this.root.replaceChildren(h('main', {}, h('p', { class: 'notice' }, say('error.store'))));
      return;
    }
    this.riders = riders;
    this.show();
  }

  private get current(): Rider | undefined {
    return currentOf(this.riders);
  }

  /** Draws everything anew: after a start, another rider or another language. */
  private show(): void {
    this.stopFollowing();
    const rider = this.current;
    if (rider === undefined) {
      this.card.stop();
      this.root.replaceChildren(welcome(() => this.enrol(say('welcome.name')), (id) => this.speak(id)));
      return;
    }
    this.top.replaceChildren(
      ...header(this.riders, rider, {
        choose: (account) => this.choose(account),
        riders: () => this.manage(),
        speak: (id) => this.speak(id),
      }),
    );
    const main = h('main', {}, this.card.element, this.open, this.balance, this.ready, this.pay, this.products.element, this.list.element);
    this.root.replaceChildren(this.top, main);
    localStorage.setItem(TOP_HEIGHT, String(this.top.getBoundingClientRect().height));
    this.showRider(rider);
    void this.card.start(rider);
    this.stopFollowing = follow(
      rider.account,
      async () => this.current,
      (fresh) => this.take(fresh),
      (isReached) => {
        this.isReached = isReached;
        this.showReady();
      },
    );
  }

  private showRider(rider: Rider): void {
    this.open.replaceChildren(...openJourney(rider, now()));
    this.balance.replaceChildren(...balance(rider));
    this.showPay(rider);
    this.products.show(rider);
    this.list.show(rider);
    this.showReady();
  }

  /** Not anew while the rider types into it. */
  private showPay(rider: Rider): void {
    const key = `${rider.account} ${rider.payCode?.keptMs ?? 0} ${document.documentElement.lang}`;
    if (this.pay.dataset['of'] === key) return;
    this.pay.dataset['of'] = key;
    this.pay.replaceChildren(payCode(rider, (fresh) => this.take(fresh)));
  }

  /** Draws the ready line anew: it has a time in it, and what it says may have changed. */
  showReady(): void {
    const rider = this.current;
    if (rider === undefined) return;
    const line = readyLine({
      rider,
      nowMs: now(),
      clock: clockState(),
      isSaved: this.isSaved,
      isReached: this.isReached,
      isShown: this.card.isShown,
    });
    // Said again only when it says something else.
    if (line.textContent === this.ready.textContent) return;
    this.ready.replaceChildren(line);
  }

  /** News of a rider, from the server. */
  private take(fresh: Rider): void {
    this.riders = this.riders.map((rider) => (rider.account === fresh.account ? fresh : rider));
    if (this.current?.account !== fresh.account) return;
    this.card.change(fresh);
    this.showRider(fresh);
  }

  private async enrol(name: string): Promise<string | null> {
    if (!(await canMakeKeys())) return say('error.old');
    try {
      const rider = await enrolRider(name);
      this.riders = await allRiders();
      this.choose(rider.account);
      return null;
    } catch (error) {
      if (error instanceof Unreachable) return say('error.unreachable');
      if (error instanceof Refused) return say('error.refused', { detail: error.message });
      return say('error.store');
    }
  }

  private choose(account: string): void {
    chooseRider(account);
    this.show();
  }

  private manage(): void {
    ridersDialog(this.riders, {
      add: (name) => this.enrol(name),
      changed: async () => {
        this.riders = await allRiders();
        this.show();
      },
    });
  }

  private async speak(id: string): Promise<void> {
    await chooseLanguage(id);
    this.list.forget();
    this.products.forget();
    this.show();
  }
}
