// The gallery: room is kept for every day, and filled while it is in sight.

import { listen, root, say, send } from "./page.js";

const grid = document.getElementById("grid");
const bar = document.getElementById("selection");
const CHUNK = Number(grid.dataset.chunk);
const query = grid.dataset.query;
const SIGHT = 1200; // pixels around the window in which rooms are filled
const AT_ONCE = 4;

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

// Rooms

let columns = 1;
let side = 150;
let gap = 4;

function measure() {
  const probe = grid.querySelector("ul.tiles");
  if (!probe) return;
  const style = getComputedStyle(probe);
  const widths = style.gridTemplateColumns.split(" ");
  columns = widths.length;
  side = parseFloat(widths[0]) || side;
  gap = parseFloat(style.rowGap) || 0;
}

function height(count) {
  const rows = Math.ceil(count / columns);
  return rows * side + (rows - 1) * gap;
}

const loading = new Map(); // a room to what can give it up
const wanted = new Set();

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      if (!target.dataset.full) wanted.add(target);
    } else {
      wanted.delete(target);
      loading.get(target)?.abort();
      if (target.dataset.full && !target.contains(document.activeElement)) empty(target);
    }
  }
  fillNext();
}, { rootMargin: `${SIGHT}px 0px` });

function empty(room) {
  room.style.height = `${height(Number(room.dataset.count))}px`;
  room.replaceChildren();
  delete room.dataset.full;
}

function fillNext() {
  for (const room of wanted) {
    if (loading.size >= AT_ONCE) return;
    wanted.delete(room);
    fill(room).finally(fillNext);
  }
}

async function fill(room) {
  const day = room.closest(".day").dataset.day;
  const giveUp = new AbortController();
  loading.set(room, giveUp);
  const joint = query ? `${query}&` : "";
  try {
    const answer = await fetch(`/photos/tiles?${joint}of=${day}&skip=${room.dataset.skip}`, { signal: giveUp.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    const tiles = document.createElement("ul");
    tiles.className = "tiles";
    tiles.innerHTML = await answer.text();
    room.replaceChildren(tiles);
    room.style.height = "";
    room.dataset.full = "1";
    mark(tiles);
  } catch (error) {
    if (error.name !== "AbortError") say("photosync does not answer. Does it run?");
  } finally {
    loading.delete(room);
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
  made.textContent = WORDS.format(at).replace(/^(\w+) /, "$1, ");
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

function layOut(days) {
  measure();
  const known = new Map([...grid.querySelectorAll(".day")].map((one) => [one.dataset.day, one]));
  const sections = days.map(([day, count]) => {
    const section = known.get(day) ?? document.createElement("section");
    const first = section.querySelector(".chunk");
    section.className = "day";
    section.dataset.day = day;
    section.setAttribute("aria-labelledby", `d${day}`);
    const head = section.querySelector("h2") ?? heading(day);
    if (!head.querySelector("button")) head.append(pickDay());
    const rooms = [];
    for (let skip = 0; skip < count; skip += CHUNK) {
      const size = Math.min(CHUNK, count - skip);
      if (skip === 0 && first && first.querySelectorAll(".tile").length === size) {
        first.dataset.count = size;
        first.dataset.full = "1";
        rooms.push(first);
      } else {
        rooms.push(room(skip, size));
      }
    }
    section.replaceChildren(head, ...rooms);
    return section;
  });
  inSight.disconnect();
  grid.replaceChildren(...sections);
  for (const one of grid.querySelectorAll(".chunk")) inSight.observe(one);
  total = days.reduce((sum, [, count]) => sum + count, 0);
  document.getElementById("count").textContent = `${total.toLocaleString("en")} ${total === 1 ? "photo or video" : "photos and videos"}`;
  document.getElementById("older")?.remove();
}

let total = 0;

async function begin() {
  const answer = await fetch(`/photos/days?${query}`).catch(() => null);
  if (!answer?.ok) return;
  const days = await answer.json();
  if (days.length) layOut(days);
}

let width = 0;
new ResizeObserver(([entry]) => {
  const now = Math.round(entry.contentRect.width);
  if (now === width) return;
  width = now;
  measure();
  for (const one of grid.querySelectorAll(".chunk[data-count]:not([data-full])")) {
    one.style.height = `${height(Number(one.dataset.count))}px`;
  }
}).observe(grid);

// Selecting

const picked = new Set();
let last = null;
const all = bar.elements.all;

function mark(within) {
  for (const box of within.querySelectorAll(".pick input")) box.checked = picked.has(box.value);
}

function told() {
  const count = all.checked ? total : picked.size;
  root.classList.toggle("picking", count > 0);
  document.getElementById("picked").textContent = `${count.toLocaleString("en")} selected`;
}

function pick(box, isOn) {
  box.checked = isOn;
  if (isOn) picked.add(box.value); else picked.delete(box.value);
}

/** Every room between two, filled. */
async function between(one, other) {
  const rooms = [...grid.querySelectorAll(".chunk")];
  const [from, to] = [rooms.indexOf(one), rooms.indexOf(other)].sort((a, b) => a - b);
  const some = rooms.slice(from, to + 1);
  if (some.length > 50) {
    say("That is too far: filter, and select all.");
    return [];
  }
  await Promise.all(some.filter((each) => !each.dataset.full).map(fill));
  return some;
}

grid.addEventListener("click", async (event) => {
  const button = event.target.closest(".pick-day");
  if (button) {
    const rooms = [...button.closest(".day").querySelectorAll(".chunk")];
    await between(rooms[0], rooms.at(-1));
    const boxes = rooms.flatMap((one) => [...one.querySelectorAll(".pick input")]);
    const isOn = !boxes.every((box) => box.checked);
    for (const box of boxes) pick(box, isOn);
    told();
    return;
  }
  const link = event.target.closest(".tile > a");
  if (link && root.classList.contains("picking") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const box = link.parentElement.querySelector(".pick input");
    box.checked = !box.checked;
    await clicked(box, event.shiftKey);
  }
});

grid.addEventListener("click", (event) => {
  if (event.target.matches(".pick input")) clicked(event.target, event.shiftKey);
});

async function clicked(box, isRange) {
  const isOn = box.checked;
  pick(box, isOn);
  if (isRange && last) {
    const from = grid.querySelector(`.pick input[value="${last}"]`);
    if (from) {
      const rooms = await between(from.closest(".chunk"), box.closest(".chunk"));
      const boxes = rooms.flatMap((one) => [...one.querySelectorAll(".pick input")]);
      const ends = [boxes.findIndex((one) => one.value === last), boxes.findIndex((one) => one.value === box.value)].sort((a, b) => a - b);
      for (const one of boxes.slice(ends[0], ends[1] + 1)) pick(one, isOn);
    }
  }
  last = box.value;
  told();
}

function clear() {
  picked.clear();
  all.checked = false;
  mark(grid);
  told();
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
  event.preventDefault();
  const fields = [...new FormData(bar)].filter(([name]) => !["item", "token"].includes(name));
  if (!all.checked) fields.push(["item", [...picked].join(",")]);
  const buttons = bar.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  const answered = await send(event.submitter?.formAction ?? bar.action, fields);
  for (const one of buttons) one.disabled = false;
  if (answered) clear();
});

// What changes elsewhere

let late = 0;
listen((news) => {
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
