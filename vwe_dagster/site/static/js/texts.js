// The texts of the pages in the browser's language. texts/en.js and texts/de.js have the same keys.

import de from "./texts/de.js";
import en from "./texts/en.js";

const LANGUAGES = { en, de };
const ATTRIBUTES = ["aria-label", "title", "placeholder", "content"];

/** The first language of the browser that the pages have, otherwise "en". */
export const language = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in LANGUAGES) ?? "en";

/** The tag of the language for numbers and dates. */
export const locale = { en: "en-US", de: "de-DE" }[language];

const plural = new Intl.PluralRules(locale);
const choices = new Intl.ListFormat(locale, { type: "disjunction" });

const isTouch = window.matchMedia("(pointer: coarse)").matches;

/** Returns the text of a key in a language; the key with `.touch` at its end has precedence on touch screens. */
const textOf = (texts, key) => (isTouch && texts[`${key}.touch`]) || texts[key];

/**
 * Returns a text.
 * @param key its key.
 * @param values for the places `{name}`. A text with plural forms, `{one, other}`, is selected by `values.count`;
 *   its place `{count}` receives the number formatted for the language.
 */
export function t(key, values = {}) {
  const found = textOf(LANGUAGES[language], key) ?? textOf(en, key);
  if (found === undefined) throw new Error(`There is no text ${key}.`);
  const form = typeof found === "string" ? found : (found[plural.select(values.count)] ?? found.other);
  return filled(form, values);
}

/** Returns a text with its placeholders replaced: numbers in the format of the language, lists joined by "or". */
const filled = (form, values) =>
  form.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    if (Array.isArray(value)) return choices.format(value);
    return typeof value === "number" ? value.toLocaleString(locale) : value;
  });

/** Returns the text of a key that only some languages have, otherwise a text from the data, which is English. */
export const translated = (key, english) => LANGUAGES[language][key] ?? english;

/** Returns the message of an error response of the server in the language of the page, if it has a text for it. */
export const reasonText = ({ reason, values, message }) =>
  message && filled(translated(`reason.${reason}`, "{message}"), { ...values, message });

/** Fills elements with `data-text="key"`, and attributes named by `data-text-title="key"` and so on. */
export function fillTexts(within = document) {
  document.documentElement.lang = language;
  for (const element of within.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const name of ATTRIBUTES) {
    for (const element of within.querySelectorAll(`[data-text-${name}]`)) {
      element.setAttribute(name, t(element.getAttribute(`data-text-${name}`)));
    }
  }
}
