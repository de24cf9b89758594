// Names in the data, which are English, in the language of the page.

import { number } from "./geo.js";
import { translated } from "./texts.js";

export const biomeTitle = (name, title) => translated(`biome.${name}`, title);

export const kindLabel = (kind, label) => translated(`kind.${kind}`, label);
export const columnLabel = (name, label) => translated(`column.${name}`, label);
export const columnMeaning = (name, meaning) => translated(`column.${name}.meaning`, meaning);
export const questionName = (name) => translated(`question.${name}`, name);
export const questionMeaning = (name, meaning) => translated(`question.${name}.meaning`, meaning);

/** Returns a value of a column with its unit. */
export const measure = (value, { unit, decimals }) =>
  value === null || value === undefined
    ? "–"
    : `${number(value, decimals)}${unit === "°" || !unit ? unit : ` ${unit}`}`;

/** Returns a world.json, or its outline, with names in the language, and with the texts of figures. */
export function translateFacts(facts) {
  const figures = (facts.figures ?? []).map(({ title, figures: all }) => ({
    title: translated(`figures.${title.toLowerCase().replaceAll(" ", "_")}`, title),
    figures: all.map((each) => ({
      ...each,
      label: columnLabel(each.name, each.label),
      meaning: columnMeaning(each.name, each.meaning),
      text: measure(each.value, each),
    })),
  }));
  const places = facts.places && {
    ...facts.places,
    kinds: facts.places.kinds.map((kind) => ({ ...kind, label: kindLabel(kind.kind, kind.label) })),
  };
  return {
    ...facts,
    biomes: facts.biomes.map((biome) => ({ ...biome, title: biomeTitle(biome.name, biome.title) })),
    styles: facts.styles.map((style) => ({ ...style, title: translated(`style.${style.id}`, style.title) })),
    figures,
    places,
  };
}
