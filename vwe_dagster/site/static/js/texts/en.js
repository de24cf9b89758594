// English texts. A key is the part of the page, a dot, and the name of the text; keys are sorted.

export default {
  "seed_box.label": "Seed",
};
