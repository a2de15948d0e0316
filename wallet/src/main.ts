// The start: a code on the screen by as little as that takes, then the rest of the page, last the copy for use with no
// network. What is imported at once here, with all that it imports, is what every start waits for.

import { type First, showFirst } from './first';

/** Where an inspector checks receipts; the rest of the page is for riders. */
const INSPECT = '#inspect';

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) return;
  if (location.hash === INSPECT) {
    const { inspector } = await import('./inspect/page');
    await inspector(root);
    dress();
    await saved();
    return;
  }
  const first = await showFirst(root);
  await painted(first);
  const { openApp } = await import('./app');
  const app = await openApp(root, first);
  dress();
  app.isSaved = await saved();
  app.showReady();
}

/** Once a code that was drawn has reached the screen; at once when there is none. */
function painted(first: First): Promise<void> {
  if (first.code === null || document.visibilityState === 'hidden') return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** Icons and manifest, which the browser would fetch and draw before the code if they stood in the page. */
function dress(): void {
  const links = [
    ['manifest', './manifest.webmanifest'],
    ['icon', './icon.svg'],
    ['apple-touch-icon', './icon-192.png'],
  ] as const;
  for (const [rel, href] of links) {
    const there = document.head.querySelector<HTMLLinkElement>(`link[rel=${rel}]`);
    const link = there ?? document.head.appendChild(document.createElement('link'));
    link.rel = rel;
    link.href = href;
  }
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
