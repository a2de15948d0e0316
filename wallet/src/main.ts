// The start: words, riders, the code; then, when all that stands, the copy for use with no network.

import { App } from './app';
import { allRiders } from './phone/riders';
import { loadWords } from './view/words';

/** Where an inspector checks receipts; the rest of the page is for riders. */
const INSPECT = '#inspect';

async function start(): Promise<void> {
  // Words and riders come from two places of this phone, each of which takes its time.
  const riders = allRiders();
  riders.catch(() => undefined);
  await loadWords();
  const root = document.getElementById('app');
  if (root === null) return;
  if (location.hash === INSPECT) {
    const { inspector } = await import('./inspect/page');
    await inspector(root);
    await saved();
    return;
  }
  const app = new App(root);
  await app.start(riders);
  app.isSaved = await saved();
  app.showReady();
}

/** Whether the page opens with no network from now on. */
async function saved(): Promise<boolean> {
  if (!('serviceWorker' in navigator)) return false;
  try {
    await navigator.serviceWorker.register('./sw.js', { scope: './' });
    await navigator.serviceWorker.ready;
    return (await caches.match('./')) !== undefined;
  } catch {
    return false;
  }
}

void start();
