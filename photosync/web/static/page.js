// What every page does: live parts, forms that do not leave the page, words that pass by.

export const root = document.documentElement;
root.classList.add("js");

const token = document.querySelector('meta[name="token"]')?.content ?? "";

/** Say something for a while. */
let fading = 0;
export function say(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, 6000);
}

/** Ask whether it is meant; true if it is. */
export function ask(question, label) {
  const dialog = document.getElementById("sure");
  dialog.querySelector("h2").textContent = question;
  dialog.querySelector("button.main").textContent = label;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((settled) => {
    dialog.addEventListener("close", () => settled(dialog.returnValue === "yes"), { once: true });
  });
}

/** Send a form's fields; what was answered, or null if it came to nothing. */
export async function send(address, fields) {
  const body = new URLSearchParams(fields);
  body.set("token", token);
  let answer;
  try {
    answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
  } catch {
    say("photosync does not answer. Does it run?");
    return null;
  }
  const told = await answer.json().catch(() => ({ said: "That did not work." }));
  if (told.stale) {
    location.reload();
    return null;
  }
  if (told.question) {
    if (!(await ask(told.question, told.label))) return null;
    return send(address, [...body, ["sure", "1"]]);
  }
  say(told.said);
  return answer.ok ? told : null;
}

// Parts that are replaced when the server says so

function show(parts) {
  for (const [name, html] of Object.entries(parts)) {
    for (const part of document.querySelectorAll(`[data-part="${name}"]`)) replace(part, html);
  }
  const headline = document.getElementById("headline");
  if (headline) document.title = `${headline.textContent} · photosync`;
}

function replace(part, html) {
  const hadFocus = part.contains(document.activeElement)
    ? [...part.querySelectorAll("a, button")].indexOf(document.activeElement) : -1;
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const field of fresh.content.querySelectorAll('input[name="token"]')) field.value = token;
  const said = part.querySelector("[aria-live]");
  const anew = fresh.content.querySelector("[aria-live]");
  part.replaceChildren(fresh.content);
  if (said && anew && said.textContent === anew.textContent) anew.replaceWith(said);
  if (hadFocus >= 0) part.querySelectorAll("a, button")[hadFocus]?.focus();
}

const heard = new Set();
/** Be told what changes: {changed: {id: state}, new: how many}. */
export function listen(callback) { heard.add(callback); }

// until which event this page knows what happened: it may have taken a while to come, or to be seen again
let since = document.querySelector("[data-since]")?.dataset.since ?? "";

let source = null;
function open() {
  if (source || document.hidden) return;
  source = new EventSource(since ? `/events?since=${since}` : "/events");
  source.onmessage = (message) => {
    since = message.lastEventId;
    const news = JSON.parse(message.data);
    if (news.parts) show(news.parts);
    for (const callback of heard) callback(news);
  };
}
function close() {
  source?.close();
  source = null;
}
// a page that nobody sees costs nothing; and browsers open but six connections to one place
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
if (document.querySelector("[data-part]")) open();

// Switches and choices take effect at once; other forms as they are

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form && event.target.type === "radio") form.requestSubmit();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-auto]")) return;
  event.preventDefault();
  const fields = new FormData(form, event.submitter);
  const button = form.querySelector("[role=switch]");
  if (button) button.disabled = true;
  const told = await send(form.action, [...fields]);
  if (button) {
    button.disabled = false;
    button.focus();
  }
  if (!told) return;
  if (form.dataset.auto === "stay") return;
  if (!button) {
    location.reload();
    return;
  }
  const isOn = form.elements.take.value === "1";
  button.setAttribute("aria-checked", isOn);
  form.elements.take.value = isOn ? "0" : "1";
});
