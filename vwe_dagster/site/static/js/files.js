// The files of the site as its pages reach them: on a server, or in an export, which also works without a server.

import { reasonText, t } from "./texts.js";

/** True in an export. A page from a disk cannot fetch files, so the data of an export are scripts. */
export const isExport = "export" in document.documentElement.dataset;

/** Returns the address of the page in a folder. A disk, unlike a server, has no page for a folder. */
export const pageIn = (folder) => (isExport ? `${folder}index.html` : folder);

/** Returns the address of the comparison of two worlds, from the site's root. */
export const comparisonOf = (one, other) => `${pageIn("compare/")}?${new URLSearchParams({ one, other })}`;

/** Fetches, with retries if the connection breaks, for example when a machine changes its network. */
export async function fetchAgain(address, tries = 3) {
  try {
    return await fetch(address);
  } catch (error) {
    if (tries <= 1) throw new Error(t("error.no_answer"), { cause: error });
    await new Promise((resolve) => window.setTimeout(resolve, 400));
    return fetchAgain(address, tries - 1);
  }
}

/** Returns the value that the script of a file in an export hands over. */
function scriptValue(address) {
  const [path, query] = address.split("?");
  const script = document.createElement("script");
  script.src = query ? `${path}.js?${query}` : `${path}.js`;
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(t("error.unreadable_file", { address: path })));
    script.addEventListener("load", () => (script.value === undefined ? fail() : resolve(script.value)));
    script.addEventListener("error", fail);
    document.head.append(script);
  }).finally(() => script.remove());
}

/** Returns the JSON at an address; a failure throws an error with the server's message. */
export async function fetchJson(address) {
  if (isExport) return scriptValue(address);
  const answer = await fetchAgain(address);
  if (!answer.ok) {
    const answered = await answer.json().catch(() => ({}));
    throw new Error(reasonText(answered) ?? t("error.unreadable", { address, status: String(answer.status) }));
  }
  return answer.json();
}

/**
 * Returns the bytes at an address, an ArrayBuffer.
 * @param version the expected version of the world's data. A rebuilt world may have another grid.
 */
export async function fetchBytes(address, version) {
  if (isExport) return unpacked(await scriptValue(address));
  const answer = await fetchAgain(address);
  if (!answer.ok) throw new Error(t("error.data_unreadable", { status: String(answer.status) }));
  const tag = /^(?:W\/)?"([0-9a-f]{16})-data-/.exec(answer.headers.get("etag") ?? "");
  if (tag && tag[1] !== version) throw new Error(t("error.rebuilt"));
  return answer.arrayBuffer();
}

/** Returns the bytes of a text of an export: gzip in base64. */
function unpacked(text) {
  const packed = Uint8Array.from(window.atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
