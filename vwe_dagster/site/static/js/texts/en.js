// English texts. A key is the part of the page, a dot, and the name of the text; keys are sorted.

export default {
  "compare.no_seeds": "Choose two worlds to compare on the page of all worlds.",
  "seed_box.label": "Seed",
};
