// Seeds as the server accepts them, and random ones.

/** Characters of the seeds that the game draws. */
const ALPHABET = "abcdefghijklmnpqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ023456789";
const LENGTH = 10;

const SEED = /^(?!.*\.\.)[A-Za-z0-9._-]{1,32}$/;
const NUMBERED_SEED = /^@(?:0|-?[1-9]\d{0,9})$/;
export const LEAST_SEED = -(2 ** 31);
export const GREATEST_SEED = 2 ** 31 - 1;

/** Returns whether a text is a seed. */
export function isSeed(text) {
  if (!text.startsWith("@")) return SEED.test(text);
  const seed = NUMBERED_SEED.test(text) ? Number(text.slice(1)) : NaN;
  return LEAST_SEED <= seed && seed <= GREATEST_SEED;
}

/** Returns a random seed as the game draws one for a new world. */
export function randomSeed() {
  const most = 256 - (256 % ALPHABET.length);
  const letters = [];
  while (letters.length < LENGTH) {
    for (const byte of window.crypto.getRandomValues(new Uint8Array(LENGTH))) {
      if (byte < most) letters.push(ALPHABET[byte % ALPHABET.length]);
    }
  }
  return letters.slice(0, LENGTH).join("");
}
