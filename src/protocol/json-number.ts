// The grammar of a JSON number as a table of places, one byte at a time. Knows nothing of what stands around the number.

/** Answers of `placeAfter` that are no place: the number ended before this byte, or this is no number. */
export const numberEnds = -1;
export const numberFails = -2;

export const beforeNumber = 0;
const afterMinus = 1;
const afterDot = 2;
const afterE = 3;
const afterESign = 4;
/** From here on the number may end. */
const afterZero = 5;
const integerDigits = 6;
const fractionDigits = 7;
const exponentDigits = 8;

export function canEndAfter(place: number): boolean {
  return place >= afterZero;
}

export function placeAfter(place: number, byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return placeAfterDigit(place, byte);
  if (byte === 0x2d && place === beforeNumber) return afterMinus;
  if (byte === 0x2e && (place === afterZero || place === integerDigits)) return afterDot;
  if ((byte === 0x65 || byte === 0x45) && place >= afterZero && place !== exponentDigits) return afterE;
  if ((byte === 0x2b || byte === 0x2d) && place === afterE) return afterESign;
  return canEndAfter(place) ? numberEnds : numberFails;
}

function placeAfterDigit(place: number, digit: number): number {
  if (place >= integerDigits) return place;
  if (place <= afterMinus) return digit === 0x30 ? afterZero : integerDigits;
  if (place === afterZero) return numberFails;
  return place === afterDot ? fractionDigits : exponentDigits;
}
