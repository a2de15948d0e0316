// The picture of an open journey: what the exit gate reads with no network. The server signs it beside the
// entry voucher, for gates alone; here it is a text that is kept as it came, until the journey is over.

import type { InHand } from '../protocol/picture';
import type { Journey } from '../server/api';
import { pictureOfPayCode } from './payCode';
import type { Rider } from './riders';

export interface Picture {
  /** What the code says. */
  text: string;
  /** The entry of its journey, as journeys name it. */
  entry: string;
  enteredAtMs: number;
  /** First moment at which gates take it no longer. */
  validUntilMs: number;
  /** Products that may pay at the exit, as the picture tells the gate. */
  products?: InHand[];
}

/** No picture is good for longer, however long its journey may take: picture.rs of the protocol. */
export const VALID_FOR_MAX_MS = 86_400_000;

/** The picture to be shown now; none when it is over. */
export function shownPicture(picture: Picture | null | undefined, nowMs: number): Picture | null {
  return picture != null && nowMs < picture.validUntilMs ? picture : null;
}

/** What stands on the card in the place of a ride code. A pay code before a picture: the rider has just put it here. */
export function wantedPicture(rider: Rider | undefined, nowMs: number): Picture | null {
  return pictureOfPayCode(rider?.payCode, nowMs) ?? shownPicture(rider?.picture, nowMs);
}

/** What is left of a picture once the server says how the journeys stand. Its own may be too old for the
 * list; a newer one shows that. */
export function pictureAfter(picture: Picture | null | undefined, journeys: Journey[]): Picture | null {
  if (picture == null) return null;
  const own = journeys.find((journey) => journey.entry === picture.entry);
  if (own === undefined) {
    // The list leaves out entries through which nobody went.
    return null;
  }
  switch (own.state) {
    case 'tapped':
    case 'open':
    case 'held':
      return picture;
    case 'incomplete':
    case 'unpriced':
    case 'closed':
    case 'no-exit':
      return null;
  }
}
