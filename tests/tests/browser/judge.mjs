// Judges one page after another: no message on the browser's console, nothing for axe to find, nothing wider than the
// screen. Used by console.mjs on a running gateway and by pages.mjs on pages written to a folder.

import { createRequire } from "node:module";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

// The packages lie in the build directory, not beside this file.
const modules = process.env.LEASEHOLD_TEST_BROWSER_MODULES;
const bring = createRequire(modules ? path.join(modules, "package.json") : import.meta.url);
const { chromium } = bring("playwright-core");
const { AxeBuilder } = bring("@axe-core/playwright");

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SIZES = { narrow: { width: 360, height: 780 }, wide: { width: 1280, height: 860 } };
const THEMES = ["light", "dark"];

/** Every theme and size to look at, by name. */
export const LOOKS = THEMES.flatMap((theme) => Object.keys(SIZES).map((size) => ({ theme, size, name: `${theme}-${size}` })));

/** Reads `--name value` pairs; throws on what it does not know. */
export function options(known) {
  const found = {};
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    const name = word.replace(/^--/, "");
    if (!word.startsWith("--") || !(name in known)) throw new Error(`unknown argument ${word}; there are ${Object.keys(known).map((key) => `--${key}`).join(", ")}`);
    found[name] = words.shift();
  }
  for (const [name, needed] of Object.entries(known)) {
    if (needed && !found[name]) throw new Error(`--${name} is missing`);
  }
  return found;
}

/** A browser with an empty profile, and what it found. */
export class Judge {
  constructor({ shots, browser = "/usr/bin/chromium", script = true }) {
    this.shots = shots;
    this.script = script;
    this.browser = browser;
    this.findings = [];
    this.looked = 0;
  }

  async open() {
    this.profile = await mkdtemp(path.join(tmpdir(), "leasehold-browser-"));
    await mkdir(this.shots, { recursive: true });
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: this.browser,
      args: FLAGS,
      viewport: SIZES.wide,
      reducedMotion: "reduce",
      ignoreHTTPSErrors: true,
      javaScriptEnabled: this.script,
    });
    this.context.setDefaultTimeout(15_000);
    this.page = this.watch(this.context.pages()[0] ?? (await this.context.newPage()));
  }

  /** Hears what a page complains of; gives the page. */
  watch(page) {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !this.expected(message.text())) this.find("console", `${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.find("script", `${page.url()}: ${error}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // Leaving a page ends its stream of events.
      if (why !== "net::ERR_ABORTED") this.find("request", `${request.url()}: ${why}`);
    });
    page.on("response", (response) => {
      const status = response.status();
      if (status >= 400 && status !== this.allowed) this.find("request", `${response.url()}: ${status}`);
    });
    return page;
  }

  /** What a page logs by itself that is to answer 401 or 404 for instance. */
  expected(text) {
    return this.allowed !== undefined && text.includes(`the server responded with a status of ${this.allowed}`);
  }

  /** Does something that is to be refused with this status, and looks at what is said then. */
  async refused(status, name, act) {
    this.allowed = status;
    await act();
    await this.look(name);
    this.allowed = undefined;
  }

  /** Complains unless it holds. */
  holds(truth, text) {
    if (!truth) this.find("behaviour", text);
  }

  find(kind, text) {
    this.findings.push(`${this.at ?? "before the first page"}: ${kind}: ${text}`);
  }

  /** Looks at the page that is open, in every theme and size. */
  async look(name, looks = LOOKS) {
    for (const look of looks) {
      this.at = `${name} (${look.name})`;
      await this.page.emulateMedia({ colorScheme: look.theme, reducedMotion: "reduce" });
      await this.page.setViewportSize(SIZES[look.size]);
      await this.page.evaluate(() => document.fonts.ready);
      await this.judge();
      await this.page.screenshot({ path: path.join(this.shots, `${name}-${look.name}.png`), fullPage: true });
      this.looked += 1;
    }
  }

  async judge() {
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(TAGS).analyze();
    for (const violation of violations) {
      const where = violation.nodes.map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? node.failureSummary})`);
      this.find("axe", `${violation.id}: ${where.join("; ")}`);
    }
    await this.fits();
  }

  /** Nothing is wider than the screen. */
  async fits() {
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wider > 0) this.find("layout", `${wider} px wider than the screen`);
  }

  /** Walks over the page with the Tab key: it has to come to everything that can be used, and to show where it is. */
  async walk(name) {
    this.at = `${name} (keyboard)`;
    await this.page.setViewportSize(SIZES.wide);
    let walked;
    // A part that was made anew on the way was not reached as what it is now: once more, from the beginning.
    for (let tries = 0; tries < 3 && !walked?.whole; tries += 1) walked = await this.walkOnce();
    for (const { what, reached, seen } of walked.stops) {
      if (!reached) this.find("keyboard", `Tab does not come to ${what}`);
      else if (!seen) this.find("keyboard", `nothing shows that the keyboard is at ${what}`);
    }
  }

  /** Every stop of the keyboard, and whether the page stayed the same page meanwhile. */
  async walkOnce() {
    const stops = await this.page.evaluate(() => {
      document.activeElement?.blur();
      const usable = "a[href], button:not(:disabled), input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
      const shown = [...document.querySelectorAll(usable)].filter((element) => element.checkVisibility({ visibilityProperty: true }));
      document.querySelectorAll("[data-walked]").forEach((element) => delete element.dataset.walked);
      shown.forEach((element, index) => (element.dataset.walked = String(index)));
      const text = (element) => (element.textContent || element.name || element.ariaLabel || "").trim().slice(0, 40);
      return shown.map((element) => ({ what: `${element.localName} “${text(element)}”`, reached: false, seen: true }));
    });
    let left = stops.length;
    for (let steps = 0; steps < stops.length + 5 && left > 0; steps += 1) {
      await this.page.keyboard.press("Tab");
      const { index, seen } = await this.page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return { index: document.activeElement.dataset.walked, seen: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 };
      });
      if (index === undefined) continue;
      const stop = stops[Number(index)];
      if (!stop.reached) left -= 1;
      stop.reached = true;
      stop.seen &&= seen;
    }
    const kept = await this.page.evaluate(() => document.querySelectorAll("[data-walked]").length);
    return { stops, whole: kept === stops.length };
  }

  /** Ends the browser. */
  async end() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }

  /** Ends the browser, tells what was found, and says so by the exit status. */
  async close() {
    await this.end();
    for (const finding of this.findings) console.error(finding);
    console.log(`${this.looked} looks at pages, ${this.findings.length} findings; screenshots in ${this.shots}`);
    process.exitCode = this.findings.length === 0 && this.looked > 0 ? 0 : 1;
  }
}
