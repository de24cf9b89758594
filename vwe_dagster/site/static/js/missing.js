// The page for a missing page or file.

import { fillTexts } from "./texts.js";

fillTexts();
