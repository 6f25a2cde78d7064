// Goes through the console of a running gateway as its administrator does, and judges every page on the way:
//
//   node console.mjs --url http://127.0.0.1:7070/ --code CODE --shots DIR
//
// The server is enrolled, its feature `cad` has three counts, and the device `ws-1` holds two of them. What is asked of a
// page besides its looks stands beside each step.

import { Judge, options } from "./judge.mjs";

const { url, code, shots, browser } = options({ url: true, code: true, shots: true, browser: false });
const NAME = "kim";
// As long as names can be.
const VIEWER = "lee".padEnd(64, "e");
const PASSWORD = "correct horse battery";
const at = (path) => new URL(path, url).href;

const judge = new Judge({ shots, browser });
await judge.open();
const { page } = judge;
const text = (where) => page.locator(where).first().innerText();
const send = (form) => page.locator(`${form} button:not([type=button])`).last().click();

/** Somebody signs in who has an account. */
async function signIn(page, name, password) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function firstSignIn() {
  await page.goto(url);
  judge.holds(page.url() === at("/first-sign-in"), `nobody has an account, and yet ${page.url()} is shown`);
  await judge.look("first-sign-in");
  await judge.walk("first-sign-in");
  const fill = async (code) => {
    await page.getByLabel("One-time code").fill(code);
    await page.getByLabel("Your name here").fill(NAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The same password again").fill(PASSWORD);
    await send("form.ask");
  };
  await judge.refused(401, "first-sign-in-wrong", () => fill("0000-0000-0000-0000"));
  judge.holds((await text("#code-wrong")).includes("code is wrong"), "a wrong code is not told beside its field");
  await fill(code);
  await page.waitForURL(url);
}

async function features() {
  await judge.look("dashboard");
  await judge.walk("dashboard");
  judge.holds((await text("[data-live=used]")) === "2", "the dashboard does not say that two are in use");
  judge.holds((await text("[data-live=used-of]")).startsWith("of 3 owned"), "the dashboard does not say what is owned");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Features" }).click();
  await judge.look("features");
  await judge.walk("features");
  await page.getByLabel("Search features").fill("no such");
  await page.getByRole("button", { name: "Search" }).click();
  await judge.look("features-none");
  judge.holds((await text("main")).includes("No feature has “no such”"), "nothing says that nothing was found");
  await page.getByRole("link", { name: "Show all" }).first().click();
  await page.getByRole("link", { name: "cad", exact: true }).click();
  await page.getByText("Figures as a table").click();
  await judge.look("feature");
  await judge.walk("feature");
}

async function grants() {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Devices" }).click();
  await judge.look("devices");
  await judge.walk("devices");
  await page.getByRole("link", { name: "ws-1", exact: false }).first().click();
  await judge.look("device");
  await judge.walk("device");
  const row = await text("[data-live=grants] tbody tr");
  judge.holds(row.includes("cad") && row.includes("2"), `the device's grant reads ${row}`);
}

async function backOffice() {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Back office" }).click();
  await judge.look("back-office");
  await judge.walk("back-office");
  const before = await page.locator("#history tbody tr").count();
  await page.getByRole("button", { name: "Synchronise now" }).click();
  await page.getByRole("status").getByText("Synchronised.").waitFor();
  await judge.look("back-office-synchronised");
  judge.holds((await page.locator("#history tbody tr").count()) === before + 1, "no exchange was added");
  judge.holds((await text("#history tbody tr")).includes("done"), "the newest exchange is not done");
}

/** Drops the grant in one tab; the dashboard in another one shows it by itself. */
async function live() {
  const other = judge.watch(await judge.context.newPage());
  await other.goto(url);
  await other.getByText("live", { exact: true }).waitFor();
  await other.evaluate(() => (window.sameDocument = true));
  await page.goto(at("/devices/ws-1%2FSTRING"));
  await page.locator("[data-live=grants]").getByRole("link", { name: "Drop…" }).click();
  await page.getByRole("dialog").waitFor();
  await judge.look("dialog");
  await page.keyboard.press("Escape");
  judge.holds(await page.evaluate(() => document.activeElement.textContent === "Drop…"), "Escape does not lead back to the button");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Why").fill("in a test");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("The grant was dropped.").waitFor();
  judge.holds((await text("main")).includes("It holds nothing at the moment."), "the grant is still there");
  await other.locator("[data-live=used]").getByText("0", { exact: true }).waitFor();
  judge.holds(await other.evaluate(() => window.sameDocument === true), "the dashboard was loaded anew");
  await other.close();
}

async function administration() {
  for (const name of ["activity", "users", "tokens", "audit", "about", "password"]) {
    await page.goto(at(name));
    await judge.look(name);
  }
  await judge.refused(404, "nothing", () => page.goto(at("/no/such/page")));
  await page.goto(at("/users/add"));
  await page.getByLabel("Name", { exact: false }).first().fill(VIEWER);
  for (const field of await page.locator("input[type=password]").all()) await field.fill(PASSWORD);
  await page.locator("input[value=VIEWER]").check();
  await send("main form");
  await page.getByRole("status").getByText("The user was added.").waitFor();
}

async function signOut() {
  const menu = page.locator("details.menu");
  await menu.locator("summary").click();
  await judge.look("menu");
  await judge.walk("menu");
  await menu.getByLabel("Colours").selectOption("dark");
  await menu.getByRole("button", { name: "Use these colours" }).click();
  judge.holds((await page.locator("html").getAttribute("data-theme")) === "dark", "the chosen colours are not used");
  await menu.locator("summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(at("/sign-in"));
  await judge.look("sign-in");
  await judge.refused(401, "sign-in-wrong", () => signIn(page, NAME, "a wrong password"));
  await page.goto(at("/devices"));
  judge.holds(page.url().startsWith(at("/sign-in")), "a page is shown to somebody who has signed out");
}

/** The same without a script, as somebody who may only look. */
async function plain() {
  const plain = new Judge({ shots, browser, script: false });
  await plain.open();
  const { page } = plain;
  await page.goto(at("/features?search=ca"));
  await signIn(page, VIEWER, PASSWORD);
  await page.waitForURL(at("/features?search=ca"));
  await page.getByRole("link", { name: "cad", exact: true }).click();
  await page.getByText("Figures as a table").click();
  await page.getByRole("table", { name: "Use of cad" }).waitFor();
  await page.goto(at("/back-office"));
  plain.holds(await page.getByRole("button", { name: "Synchronise now" }).isDisabled(), "a viewer may synchronise");
  plain.holds(await page.getByText("needs the role OPERATOR").first().isVisible(), "nothing says which role it takes");
  plain.allowed = 403;
  await page.goto(at("/suspend"));
  plain.holds((await page.locator("h1").innerText()) === "Not for you", "a viewer is asked whether to suspend");
  plain.allowed = undefined;
  await page.setViewportSize({ width: 360, height: 780 });
  await page.locator("details.menu summary").click();
  plain.at = "the menu of a long name";
  await plain.fits();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(at("/sign-in"));
  // Without a script a question is a page.
  await signIn(page, NAME, PASSWORD);
  await page.getByRole("link", { name: "Suspend…" }).click();
  await page.waitForURL(at("/suspend"));
  await page.locator("main form.ask button.main").click();
  await page.getByText("Nothing new is granted").first().waitFor();
  await page.goto(at("/back-office"));
  await page.getByRole("button", { name: "Synchronise now" }).click();
  await page.getByRole("status").getByText("Synchronised.").waitFor();
  await plain.end();
  judge.findings.push(...plain.findings.map((finding) => `without a script: ${finding}`));
}

try {
  for (const part of [firstSignIn, features, grants, backOffice, live, administration, signOut, plain]) await part();
} catch (error) {
  judge.find("stuck", `${page.url()}: ${error.stack}`);
}
await judge.close();
