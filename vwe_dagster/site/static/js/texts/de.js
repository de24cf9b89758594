// German texts, with the keys of en.js, and names that the data has in English only.

export default {
  "compare.no_seeds": "Wähle auf der Seite aller Welten zwei Welten zum Vergleichen.",
  "seed_box.label": "Seed",
};
