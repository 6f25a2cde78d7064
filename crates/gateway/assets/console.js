// What the console does beyond plain pages: live numbers, questions in a dialog, menus that close. Every page works
// without it. It formats nothing: whatever changes on the screen was written by the server.

const REFRESH_AT_MOST_EVERY = 2000; // milliseconds
const REFRESH_AT_LEAST_EVERY = 60000;
const LISTEN_AGAIN_AFTER = 10000;

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// Makes `old` like `fresh` and touches nothing that is the same already, so that nothing moves that did not change.
function match(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    // What somebody has unfolded stays so.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  const alike =
    before.length === after.length && before.every((node, index) => node.nodeName === after[index].nodeName);
  if (!alike) {
    // Rows came or went. Whoever stands on one with the keyboard keeps the place until the next page.
    if (!old.contains(document.activeElement)) old.replaceChildren(...after.map((node) => document.importNode(node, true)));
    return;
  }
  before.forEach((node, index) => {
    if (node.nodeType === Node.ELEMENT_NODE) match(node, after[index]);
    else if (node.nodeValue !== after[index].nodeValue) node.nodeValue = after[index].nodeValue;
  });
}

function liveNumbers() {
  const page = document.querySelector("main[data-events]");
  const sign = document.querySelector("[data-live-sign]");
  if (!page || !window.EventSource) return;

  let waiting = null;
  let last = Date.now();

  async function refresh() {
    waiting = null;
    last = Date.now();
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html", "x-leasehold-live": "1" } });
      if (answer.redirected) return location.reload(); // the session is over
      if (!answer.ok) return;
      const fresh = parse(await answer.text());
      for (const old of document.querySelectorAll("[data-live]")) {
        const key = CSS.escape(old.dataset.live);
        const twin = fresh.querySelector(`[data-live="${key}"]`);
        if (twin) match(old, twin);
      }
    } catch {
      // The network is away; the next event or minute tries again.
    }
  }

  function soon() {
    if (waiting === null) waiting = setTimeout(refresh, Math.max(0, last + REFRESH_AT_MOST_EVERY - Date.now()));
  }

  function tell(text) {
    if (sign && sign.textContent !== text) sign.textContent = text;
  }

  const names = (page.dataset.eventNames ?? "").split(" ").filter(Boolean);
  let events;
  function listen() {
    events = new EventSource(page.dataset.events);
    events.onopen = () => tell("live");
    events.onerror = () => {
      tell("not live, connecting again");
      // A lost connection is the browser's to make again; after a refusal it gives up, and we do not.
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, LISTEN_AGAIN_AFTER);
    };
    events.onmessage = soon;
    for (const name of names) events.addEventListener(name, soon);
  }

  listen();
  addEventListener("pagehide", () => events.close());
  document.addEventListener("visibilitychange", soon);
  setInterval(soon, REFRESH_AT_LEAST_EVERY);
}

// A question has a page of its own; here it stands in a dialog above the page that one comes from.
function questions() {
  document.addEventListener("click", async (click) => {
    const link = click.target.closest("a[data-dialog]");
    const plain = click.button === 0 && !click.metaKey && !click.ctrlKey && !click.shiftKey;
    if (!link || !plain) return;
    click.preventDefault();
    try {
      const answer = await fetch(link.href, { headers: { accept: "text/html" } });
      const question = parse(await answer.text()).querySelector(".ask");
      if (!answer.ok || answer.redirected || !question) throw new Error("no question");
      ask(document.importNode(question, true), link);
    } catch {
      location.assign(link.href);
    }
  });
}

function ask(question, link) {
  const dialog = document.createElement("dialog");
  const title = question.querySelector("h1");
  if (title) {
    title.id = "question";
    dialog.setAttribute("aria-labelledby", "question");
  }
  dialog.append(question);
  dialog.addEventListener("click", (click) => {
    if (!click.target.closest("a[data-cancel]")) return;
    click.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function menus() {
  const close = (keep) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== keep) menu.open = false;
  };
  document.addEventListener("click", (click) => close(click.target.closest("details.menu")));
  document.addEventListener("keydown", (key) => {
    if (key.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// What takes a while says so, and cannot be started twice by a second click.
function forms() {
  document.addEventListener("submit", (submit) => {
    const form = submit.target;
    if (form.dataset.sent) return submit.preventDefault();
    if (!form.dataset.busy) return;
    form.dataset.sent = "1";
    const button = form.querySelector("button:not([type=button])");
    if (button) button.textContent = form.dataset.busy;
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", (show) => show.persisted && location.reload());
}

function currentInSight() {
  const list = document.querySelector("nav.side");
  const current = list?.querySelector("[aria-current]");
  if (current && list.scrollWidth > list.clientWidth) list.scrollLeft = current.offsetLeft - 24;
}

liveNumbers();
questions();
menus();
forms();
currentInSight();
