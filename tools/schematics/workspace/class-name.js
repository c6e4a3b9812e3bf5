/**
 * `RefundPayment`, from that or from `refund-payment`, which is what Nest's CLI makes of it.
 * @param {string} what it names, for the error: `an RPC`
 * @throws {Error} when nothing can be called that
 */
export function className(given, what) {
  const words = String(given ?? '')
    .trim()
    .split(/[-_\s]+/);
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
  if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
    throw new Error(`"${given}" is no name for ${what}; it takes letters and digits, such as RefundPayment.`);
  }
  return name;
}

/** `RefundPayment` in words: `refund payment`. */
export function wordsOf(name) {
  return name.replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2').toLowerCase();
}

export const camel = (name) => name[0].toLowerCase() + name.slice(1);
