// A payment app's code, kept as a picture: shown at the entry, and the same at the exit. It stays on this phone; the
// gate asks the server about it. Which forms a gate takes is the gate's configuration.

import type { Picture } from './picture';

export interface PayCode {
  /** What the code says. */
  text: string;
  keptMs: number;
}

/** Nobody travels longer on one code. */
export const KEPT_MAX_MS = 86_400_000;

/** What stands in the place of an entry in its picture; entries are hexadecimal. */
export const PAY_CODE = 'pay-code';

/** Alipay, WeChat Pay, UnionPay, and EMVCo's consumer-presented codes: pattern.rs of the protocol, gate-config/. */
const FORMS = [/^(2[5-9]|30)[0-9]{14,22}$/, /^1[0-5][0-9]{16}$/, /^62[0-9]{17}$/, /^hQVDUFYwM[A-Za-z0-9+/]{11,503}={0,2}$/];

/** The pay code in a text that was typed or read; none when it is not one. Apps show digits in groups. */
export function payCodeIn(text: string): string | null {
  const code = text.replace(/\s/g, '');
  return FORMS.some((form) => form.test(code)) ? code : null;
}

/** As what it is shown now; none when there is none, or it is over. */
export function pictureOfPayCode(payCode: PayCode | null | undefined, nowMs: number): Picture | null {
  if (payCode == null || nowMs >= payCode.keptMs + KEPT_MAX_MS) return null;
  const { text, keptMs } = payCode;
  return { text, entry: PAY_CODE, enteredAtMs: keptMs, validUntilMs: keptMs + KEPT_MAX_MS };
}
