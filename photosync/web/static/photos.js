// The gallery: room is kept for every day, and filled while it is in sight.

import { listen, root, say, send } from "./page.js";

const grid = document.getElementById("grid");
const bar = document.getElementById("selection");
const CHUNK = Number(grid.dataset.chunk);
const query = grid.dataset.query;
const SIGHT = 1200; // pixels around the window in which rooms are filled
const AT_ONCE = 4;
const MOST_ROOMS = 100; // that are asked for to select a range

// Filters take effect at once

const filters = document.querySelector("form.filters");
filters.addEventListener("change", () => {
  if (filters.elements.source && filters.elements.folder && document.activeElement === filters.elements.source) {
    filters.elements.folder.disabled = true;
  }
  for (const field of filters.querySelectorAll("select, input")) if (!field.value) field.disabled = true;
  filters.submit();
});
addEventListener("pageshow", () => {
  for (const field of filters.querySelectorAll("select, input")) field.disabled = false;
});

// Days: the height of each is known, and only those in sight are there

let columns = 1;
let side = 150;
let gap = 4;
let head = 66; // pixels above the tiles of a day
let days = []; // {day, count, top, height}, the newest first
let total = 0;
const shown = new Map(); // a day to its section

function measure() {
  const probe = grid.querySelector("ul.tiles");
  if (!probe) return;
  const style = getComputedStyle(probe);
  const widths = style.gridTemplateColumns.split(" ");
  columns = widths.length;
  side = parseFloat(widths[0]) || side;
  gap = parseFloat(style.rowGap) || 0;
  const section = probe.closest(".day");
  const first = section.querySelector(".chunk").getBoundingClientRect();
  head = first.top - section.getBoundingClientRect().top;
}

function height(count) {
  const rows = Math.ceil(count / columns);
  return rows * side + (rows - 1) * gap;
}

function heightOfDay(count) {
  const whole = Math.floor(count / CHUNK);
  const rest = count % CHUNK;
  const rooms = whole + (rest ? 1 : 0);
  return head + whole * height(CHUNK) + (rest ? height(rest) : 0) + (rooms - 1) * gap;
}

function place() {
  let top = 0;
  for (const one of days) {
    one.top = top;
    one.height = heightOfDay(one.count);
    top += one.height;
  }
  grid.style.height = `${top}px`;
}

/** The index of the day at so many pixels from the top. */
function dayAt(pixels) {
  let low = 0;
  let high = days.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (days[middle].top <= pixels) low = middle; else high = middle - 1;
  }
  return low;
}

function render() {
  if (!days.length) return;
  const above = scrollY - grid.offsetTop;
  const from = dayAt(above - SIGHT);
  const to = dayAt(above + innerHeight + SIGHT);
  const wantedDays = new Set(days.slice(from, to + 1).map((one) => one.day));
  for (const [day, section] of shown) {
    if (wantedDays.has(day) || section.contains(document.activeElement)) continue;
    for (const one of section.querySelectorAll(".chunk")) leave(one);
    section.remove();
    shown.delete(day);
  }
  for (let index = from; index <= to; index += 1) {
    const one = days[index];
    const section = shown.get(one.day) ?? build(one);
    section.style.top = `${one.top}px`;
    section.style.height = `${one.height}px`;
  }
}

function build(one, known = null) {
  const section = known ?? document.createElement("section");
  const first = known?.querySelector(".chunk");
  section.className = "day";
  section.dataset.day = one.day;
  section.setAttribute("aria-labelledby", `d${one.day}`);
  const words = known?.querySelector("h2") ?? heading(one.day);
  if (!words.querySelector("button")) words.append(pickDay());
  const rooms = [];
  for (let skip = 0; skip < one.count; skip += CHUNK) {
    const size = Math.min(CHUNK, one.count - skip);
    if (skip === 0 && first && first.querySelectorAll(".tile").length === size) {
      first.dataset.count = size;
      first.dataset.full = "1";
      rooms.push(first);
    } else {
      rooms.push(room(skip, size));
    }
  }
  section.replaceChildren(words, ...rooms);
  const before = [...grid.querySelectorAll(".day")].find((other) => other.dataset.day < one.day);
  grid.insertBefore(section, before ?? null);
  shown.set(one.day, section);
  for (const each of rooms) inSight.observe(each);
  return section;
}

// Rooms within a day, filled while they are in sight

const loading = new Map(); // a room to what can give it up
const wanted = new Set();

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      if (!target.dataset.full) wanted.add(target);
    } else if (target.isConnected) {
      wanted.delete(target);
      loading.get(target)?.abort();
      if (target.dataset.full && !target.contains(document.activeElement)) empty(target);
    }
  }
  fillNext();
}, { rootMargin: `${SIGHT}px 0px` });

function leave(one) {
  inSight.unobserve(one);
  wanted.delete(one);
  loading.get(one)?.abort();
}

function empty(one) {
  one.style.height = `${height(Number(one.dataset.count))}px`;
  one.replaceChildren();
  delete one.dataset.full;
}

function fillNext() {
  for (const one of wanted) {
    if (loading.size >= AT_ONCE) return;
    wanted.delete(one);
    fill(one).finally(fillNext);
  }
}

async function tilesOf(day, skip, signal) {
  const joint = query ? `${query}&` : "";
  const answer = await fetch(`/photos/tiles?${joint}of=${day}&skip=${skip}`, { signal });
  if (!answer.ok) throw new Error(answer.statusText);
  const tiles = document.createElement("ul");
  tiles.className = "tiles";
  tiles.innerHTML = await answer.text();
  return tiles;
}

async function fill(one) {
  const giveUp = new AbortController();
  loading.set(one, giveUp);
  try {
    const tiles = await tilesOf(one.closest(".day").dataset.day, one.dataset.skip, giveUp.signal);
    keepingFocus(() => one.replaceChildren(tiles));
    one.style.height = "";
    one.dataset.full = "1";
    mark(tiles);
  } catch (error) {
    if (error.name !== "AbortError") say("photosync does not answer. Does it run?");
  } finally {
    loading.delete(one);
  }
}

function room(skip, count) {
  const made = document.createElement("div");
  made.className = "chunk";
  made.dataset.skip = skip;
  made.dataset.count = count;
  made.style.height = `${height(count)}px`;
  return made;
}

const WORDS = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function heading(day) {
  const made = document.createElement("h2");
  made.id = `d${day}`;
  const [year, month, date] = day.split("-").map(Number);
  const at = new Date(year, month - 1, date);
  at.setFullYear(year);
  made.textContent = WORDS.format(at).replace(/^(\w+),? /, "$1, ");
  return made;
}

function pickDay() {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet pick-day";
  made.textContent = "Select";
  made.setAttribute("aria-label", "Select the whole day");
  return made;
}

/** Whoever goes by keyboard stays where they are, though the tiles are laid out anew. */
function keepingFocus(work) {
  const held = grid.contains(document.activeElement) ? document.activeElement : null;
  work();
  if (!held || document.activeElement === held) return;
  const alike = held.matches(".pick input") ? `.pick input[value="${CSS.escape(held.value)}"]`
    : held.matches(".tile a") ? `.tile a[href="${CSS.escape(held.getAttribute("href"))}"]` : null;
  const same = grid.contains(held) ? held : alike && grid.querySelector(alike);
  same?.focus({ preventScroll: true });
}

function layOut(told) {
  measure();
  days = told.map(([day, count]) => ({ day, count, top: 0, height: 0 }));
  total = told.reduce((sum, [, count]) => sum + count, 0);
  const known = new Map([...grid.querySelectorAll(".day")].map((one) => [one.dataset.day, one]));
  shown.clear();
  for (const one of known.values()) for (const each of one.querySelectorAll(".chunk")) leave(each);
  grid.replaceChildren();
  grid.classList.add("placed");
  place();
  const last = days[dayAt(scrollY - grid.offsetTop + innerHeight + SIGHT)];
  for (const one of days) {
    if (one.top > last.top) break;
    if (known.has(one.day)) build(one, known.get(one.day));
  }
  render();
  document.getElementById("count").textContent = `${total.toLocaleString("en")} ${total === 1 ? "photo or video" : "photos and videos"}`;
  document.getElementById("older")?.remove();
}

async function begin() {
  const answer = await fetch(`/photos/days?${query}`).catch(() => null);
  if (!answer?.ok) return;
  const told = await answer.json();
  if (told.length) keepingFocus(() => layOut(told));
}

let soon = 0;
addEventListener("scroll", () => {
  soon ||= requestAnimationFrame(() => {
    soon = 0;
    render();
  });
}, { passive: true });

let width = 0;
new ResizeObserver(([entry]) => {
  const now = Math.round(entry.contentRect.width);
  if (now === width) return;
  width = now;
  if (!days.length) return;
  const index = dayAt(scrollY - grid.offsetTop);
  const within = scrollY - grid.offsetTop - days[index].top;
  measure();
  place();
  for (const one of grid.querySelectorAll(".chunk:not([data-full])")) {
    one.style.height = `${height(Number(one.dataset.count))}px`;
  }
  for (const one of days) if (shown.has(one.day)) shown.get(one.day).style.height = `${one.height}px`;
  if (index > 0) scrollTo(0, grid.offsetTop + days[index].top + Math.min(within, days[index].height));
  render();
}).observe(grid);

// Selecting

const picked = new Set();
let last = null; // where a range begins: {id, day}
const all = bar.elements.all;

function mark(within) {
  for (const box of within.querySelectorAll(".pick input")) box.checked = picked.has(box.value);
}

function told() {
  const count = all.checked ? total : picked.size;
  root.classList.toggle("picking", count > 0);
  document.getElementById("picked").textContent = `${count.toLocaleString("en")} selected`;
}

function pick(id, isOn) {
  if (isOn) picked.add(id); else picked.delete(id);
}

/** The numbers of all that is shown on some days, in order; null if that is too much. */
async function idsOf(some) {
  const rooms = some.flatMap(({ day, count }) => {
    const skips = [];
    for (let skip = 0; skip < count; skip += CHUNK) skips.push([day, skip]);
    return skips;
  });
  if (rooms.length > MOST_ROOMS) {
    say("That is too much: filter, and select all.");
    return null;
  }
  const ids = [];
  for (const [day, skip] of rooms) {
    const tiles = await tilesOf(day, skip).catch(() => null);
    if (!tiles) {
      say("photosync does not answer. Does it run?");
      return null;
    }
    ids.push(...[...tiles.querySelectorAll(".pick input")].map((box) => box.value));
  }
  return ids;
}

let acts = Promise.resolve();
let pending = 0;

/** One act of selecting after the other: some are asked about at photosync, and whoever goes on
 * meanwhile means what he sees. */
function inTurn(act) {
  pending += 1;
  acts = acts.then(act).catch(reportError).finally(() => {
    pending -= 1;
    mark(grid);
    told();
  });
}

grid.addEventListener("click", (event) => {
  const button = event.target.closest(".pick-day");
  if (button) {
    const { day } = button.closest(".day").dataset;
    inTurn(() => pickWhole(day));
    return;
  }
  const link = event.target.closest(".tile > a");
  if (link && root.classList.contains("picking") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const box = link.parentElement.querySelector(".pick input");
    box.checked = !box.checked;
    clicked(box, event.shiftKey);
    return;
  }
  if (event.target.matches(".pick input")) clicked(event.target, event.shiftKey);
});

async function pickWhole(day) {
  const ids = await idsOf(days.filter((one) => one.day === day));
  if (!ids) return;
  const isOn = !ids.every((id) => picked.has(id));
  for (const id of ids) pick(id, isOn);
}

function clicked(box, isRange) {
  const { value: id, checked: isOn } = box;
  const { day } = box.closest(".day").dataset;
  inTurn(async () => {
    pick(id, isOn);
    if (isRange && last && days.length) await pickRange(last, { id, day }, isOn);
    last = { id, day };
  });
}

async function pickRange(one, other, isOn) {
  const [from, to] = [one.day, other.day].map((day) => days.findIndex((each) => each.day === day)).sort((a, b) => a - b);
  const ids = await idsOf(days.slice(from, to + 1));
  if (!ids) return;
  const [begin_, end] = [one.id, other.id].map((id) => ids.indexOf(id)).sort((a, b) => a - b);
  for (const id of ids.slice(Math.max(begin_, 0), end + 1)) pick(id, isOn);
}

function clear() {
  inTurn(() => {
    picked.clear();
    all.checked = false;
  });
}

document.getElementById("clear").hidden = false;
document.getElementById("clear").addEventListener("click", clear);
all.addEventListener("change", told);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && root.classList.contains("picking")) clear();
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const tile = document.activeElement?.closest?.(".tile");
  if (!step || !tile || event.altKey || event.ctrlKey || event.metaKey) return;
  const tiles = [...grid.querySelectorAll(".tile")];
  const next = tiles[tiles.indexOf(tile) + step];
  if (next) {
    event.preventDefault();
    const part = document.activeElement.matches("input") ? ".pick input" : "a";
    next.querySelector(part).focus();
    next.scrollIntoView({ block: "nearest" });
  }
});

bar.addEventListener("submit", async (event) => {
  const { submitter } = event;
  if (pending) {
    event.preventDefault();
    await acts;
    bar.requestSubmit(submitter);
    return;
  }
  if (submitter?.matches("[data-leads]")) {
    document.getElementById("picked-items").value = [...picked].join(",");
    return; // to a page of its own
  }
  event.preventDefault();
  const fields = [...new FormData(bar)].filter(([name]) => !["item", "token"].includes(name));
  if (!all.checked) fields.push(["item", [...picked].join(",")]);
  const buttons = bar.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  const answered = await send(submitter?.formAction ?? bar.action, fields);
  for (const one of buttons) one.disabled = false;
  if (answered) clear();
});

// What changes elsewhere

/** The numbers of the filters, as they are by now. */
async function count() {
  const answer = await fetch(`/photos/counts?${query}`).catch(() => null);
  if (!answer?.ok) return;
  const told = await answer.json();
  for (const chip of filters.querySelectorAll(".chip")) {
    const items = told.states?.[chip.dataset.state];
    if (items === undefined) continue;
    chip.querySelector(".number").textContent = items.toLocaleString("en");
    chip.hidden = items === 0 && chip.dataset.state !== "" && !chip.hasAttribute("aria-current");
  }
  for (const [name, numbers] of [["source", told.sources], ["type", told.types]]) {
    for (const option of filters.elements[name].options) {
      const items = numbers?.[option.value];
      if (items !== undefined) option.textContent = `${option.dataset.label} (${items.toLocaleString("en")})`;
    }
  }
}

let late = 0;
let counting = 0;
listen((news) => {
  if (news.new || news.changed) {
    counting ||= setTimeout(() => { counting = 0; count(); }, 700);
  }
  for (const [id, state] of Object.entries(news.changed ?? {})) show(id, state);
  if (news.new) {
    clearTimeout(late);
    late = setTimeout(() => { if (scrollY < 400 && !root.classList.contains("picking")) begin(); }, 1500);
  }
});

function show(id, state) {
  const tile = grid.querySelector(`.tile[data-id="${Number(id)}"]`);
  const badge = document.getElementById(`badge-${state}`);
  if (!tile || !badge || tile.dataset.state === state) return;
  tile.dataset.state = state;
  tile.querySelector(".badge").replaceWith(badge.content.cloneNode(true));
  const image = tile.querySelector("img");
  image.alt = `${image.alt.slice(0, image.alt.lastIndexOf(","))}, ${badge.content.textContent.trim()}`;
}

told();
if (grid.querySelector(".tile")) begin();
