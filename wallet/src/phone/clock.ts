// The phone's clock, held against the server's. A gate refuses codes from the future and old ones, so a
// clock that is off is corrected by what the server last said; a small difference is the network's.

const OFFSET_KEY = 'clock-offset';
const CHECKED_KEY = 'clock-checked';

/** Differences below this are left alone: the network's delay is part of what is measured. */
const SMALL_MS = 1_500;

export interface ClockState {
  /** How far the phone is behind the server, in ms; small differences count as none. */
  offsetMs: number;
  /** When it was last compared, by the server's clock; none yet when null. */
  checkedMs: number | null;
}

let state: ClockState = {
  offsetMs: stored(OFFSET_KEY) ?? 0,
  checkedMs: stored(CHECKED_KEY),
};

export function clockState(): ClockState {
  return state;
}

/** The time as the gates know it, as far as can be told. */
export function now(): number {
  return Date.now() + state.offsetMs;
}

/** The server said `serverMs` in answer to a request sent at `sentMs` of this phone's clock. */
export function compare(serverMs: number, sentMs: number): void {
  const received = Date.now();
  // The answer was made somewhere between: what lies outside is surely the clock's.
  const behind = serverMs - received;
  const ahead = sentMs - serverMs;
  const offset = behind > 0 ? behind : ahead > 0 ? -ahead : 0;
  state = { offsetMs: Math.abs(offset) < SMALL_MS ? 0 : offset, checkedMs: serverMs };
  localStorage.setItem(OFFSET_KEY, String(state.offsetMs));
  localStorage.setItem(CHECKED_KEY, String(serverMs));
}

function stored(key: string): number | null {
  const text = localStorage.getItem(key);
  const value = text === null ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
