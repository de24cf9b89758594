// The page for a missing page or file.

import { fillTexts, reasonText } from "./texts.js";

fillTexts();
for (const element of document.querySelectorAll("[data-reason]")) {
  element.textContent = reasonText({ reason: element.dataset.reason, message: element.textContent });
}
