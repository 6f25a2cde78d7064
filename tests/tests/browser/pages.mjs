// Judges the sample pages that the gateway's tests write to a folder, without a server behind them:
//
//   LEASEHOLD_CONSOLE_PAGES=DIR cargo nextest run -p leasehold-gateway pages_can_be_written
//   node pages.mjs --dir DIR --shots DIR
//
// Only what stands on the pages is judged; sign-in and actions are in console.mjs.

import { createServer } from "node:http";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";

import { Judge, options } from "./judge.mjs";

const { dir, shots, browser, only } = options({ dir: true, shots: true, browser: false, only: false });
const KINDS = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'";

const server = createServer(async (request, response) => {
  const address = new URL(request.url, "http://localhost").pathname;
  if (address === "/api/v1/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": samples stand still\n\n");
    return;
  }
  try {
    const file = await readFile(path.join(dir, path.normalize(address)));
    response.writeHead(200, { "content-type": KINDS[path.extname(address)] ?? "text/plain", "content-security-policy": POLICY });
    response.end(file);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const judge = new Judge({ shots, browser });
await judge.open();
const pages = (await readdir(dir)).filter((name) => name.endsWith(".html") && (!only || only.split(",").includes(path.parse(name).name)));
for (const name of pages.sort()) {
  await judge.page.goto(`http://127.0.0.1:${server.address().port}/${name}`);
  await judge.look(path.parse(name).name);
}
await judge.close();
server.closeAllConnections();
server.close();
