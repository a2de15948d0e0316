// The riders of this phone: add a child or a friend, name them, remove them.

import { type Rider, changeRider, removeRider } from '../phone/riders';
import { h } from './dom';
import { date, say } from './words';

const NAME_CHARS_MAX = 24;

export interface RiderActions {
  /** Enrols; answers what went wrong, or null. */
  add(name: string): Promise<string | null>;
  changed(): Promise<void>;
}

/** Which fares apply, and until when the proof for that counts. */
function classOf(rider: Rider): string {
  const name = say(`riders.class.${rider.riderClass}`);
  const until = rider.classUntilMs ?? null;
  return until === null ? name : say('riders.class.until', { class: name, when: date(until - 1) });
}

export function ridersDialog(riders: Rider[], actions: RiderActions): void {
  const dialog = h('dialog', { class: 'riders', 'aria-labelledby': 'riders-title' });
  const close = (): void => {
    dialog.close();
    dialog.remove();
  };
  dialog.addEventListener('cancel', () => dialog.remove());
  const trouble = h('p', { role: 'alert', class: 'trouble' });
  const add = h('button', { type: 'button' }, say('riders.add'));
  add.addEventListener('click', async () => {
    add.disabled = true;
    const wrong = await actions.add(say('riders.new', { number: riders.length + 1 }));
    add.disabled = false;
    trouble.textContent = wrong ?? '';
    if (wrong === null) close();
  });
  const rows = riders.map((rider) => row(rider, async () => {
    close();
    await actions.changed();
  }));
  dialog.append(
    h('h2', { id: 'riders-title' }, say('riders')),
    h('p', { class: 'asof' }, say('riders.stays')),
    h('ul', {}, ...rows),
    trouble,
    h('div', { class: 'buttons' }, add, h('button', { type: 'button', class: 'quiet', click: close }, say('close'))),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function row(rider: Rider, changed: () => Promise<void>): HTMLElement {
  const id = `name-${rider.account}`;
  const name = h('input', { id, value: rider.name, maxlength: NAME_CHARS_MAX, required: true, autocomplete: 'off' });
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    await changeRider(rider.account, (kept) => {
      kept.name = name.value.trim() || kept.name;
    });
    await changed();
  };
  const remove = h('button', { type: 'button', class: 'quiet danger' }, say('riders.remove'));
  const sure = h('div', { class: 'sure' });
  remove.addEventListener('click', () => {
    const keep = h('button', { type: 'button', class: 'quiet', click: () => sure.replaceChildren(remove) }, say('riders.keep'));
    const really = h('button', { type: 'button', class: 'danger' }, say('riders.remove'));
    really.addEventListener('click', async () => {
      await removeRider(rider.account);
      await changed();
    });
    sure.replaceChildren(
      h('p', { role: 'alert' }, say('riders.remove.sure', { name: rider.name })),
      h('div', { class: 'buttons' }, keep, really),
    );
    keep.focus();
  });
  sure.append(remove);
  return h(
    'li',
    {},
    h(
      'form',
      { submit: (event) => void save(event) },
      h('label', { for: id }, `${say('riders.name')} (${classOf(rider)})`),
      h('div', { class: 'row' }, name, h('button', { type: 'submit', class: 'quiet' }, say('riders.save'))),
    ),
    sure,
  );
}
