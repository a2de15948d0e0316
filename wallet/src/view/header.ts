// The top of the page: who rides, the riders of this phone, the language.

import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { languageMenu } from './languageMenu';
import { say } from './words';

export interface HeaderActions {
  choose(account: string): void;
  riders(): void;
  speak(id: string): void;
}

export function header(riders: Rider[], current: Rider, actions: HeaderActions): HTMLElement[] {
  const chips = riders.map((rider) => {
    const isCurrent = rider.account === current.account;
    return h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-pressed': String(isCurrent),
        click: () => actions.choose(rider.account),
      },
      rider.name,
    );
  });
  return [
    h('h1', {}, say('title')),
    languageMenu(actions.speak),
    h(
      'nav',
      { class: 'chips', 'aria-label': say('riders') },
      ...chips,
      h(
        'button',
        { type: 'button', class: 'quiet round', 'aria-label': say('riders'), title: say('riders'), click: () => actions.riders() },
        icon(ICONS.people),
      ),
    ),
  ];
}
