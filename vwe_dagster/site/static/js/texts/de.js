// German texts, with the keys of en.js, and names that the data has in English only.

export default {
  "seed_box.label": "Seed",
};
