// The first page: one button.

import { ICONS, h, icon } from './dom';
import { languageMenu } from './languageMenu';
import { say } from './words';

export function welcome(start: () => Promise<string | null>, speak: (id: string) => void): HTMLElement {
  const trouble = h('p', { role: 'alert', class: 'trouble' });
  const button = h('button', { type: 'button', class: 'start', 'data-testid': 'start' }, say('welcome.start'));
  button.addEventListener('click', async () => {
    button.disabled = true;
    button.textContent = say('welcome.starting');
    trouble.textContent = '';
    const wrong = await start();
    if (wrong === null) return;
    trouble.textContent = wrong;
    button.textContent = say('error.again');
    button.disabled = false;
  });
  const point = (path: string, text: string): HTMLElement => h('li', {}, icon(path), h('span', {}, text));
  return h(
    'main',
    { class: 'welcome' },
    languageMenu(speak),
    h('img', { src: './icon.svg', alt: '', width: 88, height: 88 }),
    h('h1', {}, say('title')),
    h('p', { class: 'lead' }, say('welcome.lead')),
    h(
      'ul',
      {},
      point(ICONS.cloud, say('welcome.offline')),
      point(ICONS.people, say('welcome.private')),
      point(ICONS.tick, say('welcome.receipt')),
    ),
    trouble,
    button,
  );
}
