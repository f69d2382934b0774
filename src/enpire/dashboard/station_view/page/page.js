// The page: news from the server into the picture and the panel, orders back.

import { marksOf } from "./marks.js";
import { matrix, point, Renderer } from "./renderer.js";

const $ = (id) => document.getElementById(id);
const LAYERS = { target: "Target", forces: "Contact forces", frustums: "Camera views", cameras: "Camera frames",
  tools: "Tool frames", labels: "Labels", pictures: "Pictures" };
const SHOWN = new Set(["target", "forces", "frustums", "tools", "labels", "pictures"]);
const LOOKS = {
  free: { at: [0.28, 0, 0.32], distance: 2.2, turn: -0.6, tilt: 0.42 },
  close: { at: [0.33, -0.12, 0.06], distance: 0.5, turn: -0.6, tilt: 0.45 },
  top: { at: [0.33, 0, 0], distance: 1.5, turn: Math.PI, tilt: 1.5 },
};

const state = { shapes: null, news: null, layers: {}, view: structuredClone(LOOKS.free), dirty: true, fetching: false };
let renderer = null;
try { renderer = new Renderer($("canvas")); } catch (error) { $("note").textContent = error.message; }

const order = (kind, value = 0) => fetch("order", { method: "POST", headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ kind, value }) });

// ---------------------------------------------------------------- news

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

async function load(number) {
  if (state.fetching) return;
  state.fetching = true;
  try {
    const shapes = await (await fetch("shapes")).json();
    if (shapes.number !== number) return;
    state.shapes = shapes;
    $("task").textContent = shapes.task;
    document.title = `${shapes.task} – station`;
    renderer?.load(shapes.geoms);
  } finally { state.fetching = false; }
}

const source = new EventSource("frames");
source.onmessage = (event) => {
  const news = JSON.parse(event.data);
  for (const key of ["geoms", "tools", "cameras"]) news[key] = floats(news[key]);
  if (state.shapes?.number !== news.scene) load(news.scene);
  state.news = news;
  state.dirty = true;
  panel(news);
};
source.onerror = () => badge("not connected", "failure");
source.addEventListener("closed", () => { source.close(); badge("the view has ended", ""); });

// ---------------------------------------------------------------- panel

const badge = (text, kind) => { $("phase").textContent = text; $("phase").className = `badge ${kind}`; };
const fixed = (x, digits) => (x == null ? "–" : x.toFixed(digits));

function panel(news) {
  const paused = news.paused && ["running", "resetting"].includes(news.phase);
  badge(paused ? `${news.phase}, paused` : news.phase, paused ? "paused" : news.phase);
  $("clock").textContent = news.time_s == null ? `seed ${news.seed}`
    : `${fixed(news.time_s, 2)} s   step ${news.step} of ${news.max_steps}   seed ${news.seed}`;
  $("pause").textContent = news.paused ? "Play" : "Pause";
  $("progress").textContent = news.progress == null ? "–" : `${(100 * news.progress).toFixed(0)} %`;
  $("progress-bar").style.width = `${100 * Math.min(Math.max(news.progress ?? 0, 0), 1)}%`;
  if (renderer) $("note").textContent = news.note;
  $("stopped").textContent = news.stopped;
  const did = Object.entries(news.interventions);
  fill($("interventions"), did.length ? did.map(([kind, count]) => item("li", `${kind.replaceAll("_", " ")} × ${count}`))
    : [item("li", "no interventions", "calm")]);
  list($("evidence"), news.evidence);
  list($("truth"), news.truth);
  joints(news);
  pictures(news);
  $("log-box").hidden = !news.log;
  $("log").textContent = news.log;
  if (document.activeElement !== $("seed") && $("seed").dataset.of !== String(news.seed)) {
    $("seed").value = news.seed;
    $("seed").dataset.of = news.seed;
  }
  if (document.activeElement !== $("speed")) $("speed").value = String(news.speed);
}

function item(tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  return made;
}
const fill = (parent, children) => parent.replaceChildren(...children);
const list = (parent, values) => fill(parent, Object.entries(values).filter(([name]) => !name.startsWith("safety_"))
  .flatMap(([name, value]) => [item("dt", name), item("dd", value == null ? "–" : String(+value.toPrecision(4)))]));

function joints({ names, state: measured, target, effort }) {
  const rows = [];
  let arm = "";
  names.forEach((name, i) => {
    const [of, ...rest] = name.split("_");
    if (of !== arm) {
      const row = document.createElement("tr");
      row.className = "arm";
      const cell = item("td", `${of} arm`);
      cell.colSpan = 4;
      row.append(cell);
      rows.push(row);
      arm = of;
    }
    const unit = rest[0] === "gripper" ? "N" : "Nm";
    const row = document.createElement("tr");
    row.append(item("td", rest.join(" ").replace(" rad", ", rad")), item("td", fixed(measured[i], 3)),
      item("td", fixed(target[i], 3)), item("td", `${fixed(effort[i], 2)} ${unit}`));
    rows.push(row);
  });
  fill($("joints"), rows);
}

function pictures({ pictures: numbers, missing, ages_s: ages }) {
  for (const name of Object.keys(ages)) {
    let figure = $(`picture-${name}`);
    if (!figure) {
      figure = item("figure", "");
      figure.id = `picture-${name}`;
      const image = document.createElement("img");
      image.alt = `camera ${name}`;
      figure.append(image, item("p", ""), item("figcaption", ""));
      $("pictures").append(figure);
    }
    const [image, text, caption] = figure.children;
    caption.textContent = `${name}  ${(1000 * ages[name]).toFixed(0)} ms old`;
    text.textContent = missing[name] ?? "";
    if (state.layers.pictures && numbers[name] && image.dataset.number !== String(numbers[name])) {
      image.dataset.number = numbers[name];
      image.src = `picture/${name}?number=${numbers[name]}`;
    }
  }
}

// ---------------------------------------------------------------- picture

function eye({ at, distance, turn, tilt }) {
  const flat = Math.cos(tilt) * distance;
  const from = [at[0] + Math.cos(turn) * flat, at[1] + Math.sin(turn) * flat, at[2] + Math.sin(tilt) * distance];
  return { eye: from, at, up: [0, 0, 1] };
}

function paint() {
  requestAnimationFrame(paint);
  const { shapes, news } = state;
  if (!renderer || !state.dirty || !shapes || !news || shapes.number !== news.scene) return;
  state.dirty = false;
  const { marks, labels } = marksOf(shapes, news, state.layers, state.view.distance);
  renderer.draw(news.geoms, marks, eye(state.view));
  fill($("labels"), (state.layers.labels ? labels : []).flatMap(([text, at]) => {
    const seen = renderer.screen(at);
    if (!seen) return [];
    const label = item("span", text);
    Object.assign(label.style, { left: `${seen[0]}px`, top: `${seen[1]}px` });
    return [label];
  }));
}
requestAnimationFrame(paint);
new ResizeObserver(() => { state.dirty = true; }).observe($("stage"));

// ---------------------------------------------------------------- mouse, buttons, keys

const canvas = $("canvas");
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  const { view } = state;
  if (event.buttons === 1 && !event.shiftKey) {
    view.turn -= event.movementX * 0.006;
    view.tilt = Math.min(Math.max(view.tilt + event.movementY * 0.006, -0.2), 1.55);
  } else {
    const size = (view.distance * 0.7) / canvas.clientHeight;
    const [c, s] = [Math.cos(view.turn), Math.sin(view.turn)];
    view.at[0] += size * (event.movementX * s - event.movementY * c * Math.sin(view.tilt));
    view.at[1] += size * (-event.movementX * c - event.movementY * s * Math.sin(view.tilt));
    view.at[2] += size * event.movementY * Math.cos(view.tilt);
  }
  state.dirty = true;
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  state.view.distance = Math.min(Math.max(state.view.distance * Math.exp(event.deltaY * 0.001), 0.08), 6);
  state.dirty = true;
}, { passive: false });

function look(name) {
  state.view = structuredClone(LOOKS[name]);
  const tool = state.shapes?.tools.indexOf("right_tool") ?? -1;
  if (name === "close" && tool >= 0) state.view.at = point(matrix(state.news.tools, tool), [0, 0, 0]);
  state.dirty = true;
}
for (const button of document.querySelectorAll(".look")) button.onclick = () => look(button.dataset.look);

for (const [name, text] of Object.entries(LAYERS)) {
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", checked: SHOWN.has(name) });
  state.layers[name] = box.checked;
  box.onchange = () => {
    state.layers[name] = box.checked;
    state.dirty = true;
    if (name === "pictures") { order("pictures", +box.checked); $("pictures").hidden = !box.checked; }
  };
  const label = item("label", "");
  label.append(box, text);
  $("layers").append(label);
}

$("pause").onclick = () => order(state.news?.paused ? "play" : "pause");
$("step").onclick = () => order("step");
$("speed").onchange = () => { order("speed", +$("speed").value); $("speed").blur(); };
$("reset").onclick = () => order("reset", Math.max(0, Math.floor(+$("seed").value)));
$("next").onclick = () => order("reset", (state.news?.seed ?? 0) + 1);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName)) return;
  const button = { " ": "pause", s: "step", r: "reset", n: "next" }[event.key];
  if (button) { event.preventDefault(); $(button).click(); }
});
