// The choice of language; each stands in its own words.

import { ICONS, h, icon } from './dom';
import { LANGUAGES, language, say } from './words';

export function languageMenu(speak: (id: string) => void): HTMLElement {
  const select = h('select', {
    'aria-label': say('language'),
    'data-testid': 'language',
    change: () => speak(select.value),
  });
  for (const { id, name } of LANGUAGES) {
    select.append(h('option', { value: id, lang: id, selected: id === language() }, name));
  }
  return h('div', { class: 'language' }, icon(ICONS.globe), select);
}
