"use strict";
// Everything on the page can be read without this script; it adds pointing, filtering and picking.
const plots = JSON.parse(document.getElementById("plots").textContent);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function previewOf(preview) {
  if (!preview) return [];
  if (preview.image) {
    const image = element("img", undefined, preview.crisp ? "crisp" : "");
    image.alt = "";
    image.src = preview.image;
    return [image];
  }
  if (preview.text) return [element("blockquote", preview.text)];
  const list = element("dl", undefined, "row");
  for (const [name, value] of preview.cells || []) {
    const row = element("div");
    row.append(element("dt", name), element("dd", value));
    list.append(row);
  }
  return [list];
}

function startPlot(area) {
  // A dot: [x, y, group, title, lines, preview], x and y in units of the drawing.
  const dots = plots[area.dataset.plot];
  const svg = area.querySelector("svg");
  const tip = area.querySelector(".tip");
  const here = area.querySelector(".here");
  const spoken = area.nextElementSibling;
  const { width, height } = svg.viewBox.baseVal;
  let current = -1;
  let only = null;

  const visible = (dot) => only === null || dot[2] === only;

  function hide() {
    current = -1;
    tip.hidden = true;
    here.setAttribute("d", "");
    spoken.textContent = "";
  }

  function show(index) {
    if (index === current) return;
    current = index;
    const [x, y, , title, lines, preview] = dots[index];
    here.setAttribute("d", `M${x} ${y}h0`);
    tip.replaceChildren(...previewOf(preview), element("b", title), ...lines.map((line) => element("div", line, "line")));
    tip.hidden = false;
    const left = (x / width) * area.clientWidth;
    const top = (y / height) * area.clientHeight;
    const room = area.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, left - tip.offsetWidth / 2))}px`;
    const above = top - tip.offsetHeight - 14;
    tip.style.top = `${area.getBoundingClientRect().top + above > 48 ? above : top + 14}px`;
    const words = preview && (preview.text || (preview.cells || []).map((cell) => cell.join(" ")).join(", "));
    spoken.textContent = [title, ...lines, words || ""].join(". ");
  }

  function nearest(event, reach) {
    const box = area.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1;
    let least = reach * reach;
    dots.forEach((dot, index) => {
      if (!visible(dot)) return;
      const [dx, dy] = [(dot[0] / width) * box.width - px, (dot[1] / height) * box.height - py];
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  function point(event, reach) {
    const index = nearest(event, reach);
    if (index < 0) hide();
    else show(index);
  }

  function step(dx, dy) {
    // The nearest dot in a cone of 90 degrees around the arrow's direction.
    const [x, y] = dots[current];
    let best = -1;
    let least = Infinity;
    dots.forEach((dot, index) => {
      const along = (dot[0] - x) * dx + (dot[1] - y) * dy;
      const across = Math.abs((dot[0] - x) * dy) + Math.abs((dot[1] - y) * dx);
      if (!visible(dot) || index === current || along <= 0 || across > along) return;
      const distance = along + across;
      if (distance < least) [best, least] = [index, distance];
    });
    if (best >= 0) show(best);
  }

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  area.addEventListener("pointermove", (event) => event.pointerType === "mouse" && point(event, 24));
  area.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  area.addEventListener("click", (event) => point(event, 36));
  area.addEventListener("focus", () => {
    if (area.matches(":focus-visible") && current < 0) show(Math.max(0, dots.findIndex(visible)));
  });
  area.addEventListener("blur", hide);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (!(event.key in arrows)) return;
    event.preventDefault();
    if (current < 0) show(Math.max(0, dots.findIndex(visible)));
    else step(...arrows[event.key]);
  });
  document.addEventListener("pointerdown", (event) => area.contains(event.target) || hide());

  const chips = [...area.closest("figure").querySelectorAll(".chip")];
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const group = Number(chip.dataset.group);
      only = only === group ? null : group;
      hide();
      for (const other of chips) other.setAttribute("aria-pressed", String(Number(other.dataset.group) === only));
      for (const drawn of area.querySelectorAll("[data-group]")) {
        drawn.classList.toggle("dim", only !== null && Number(drawn.dataset.group) !== only);
      }
    });
  }
}

function startPanel(panel) {
  // Read a curve off: the logged point nearest to the pointer, in place of the last value.
  const svg = panel.querySelector("svg");
  const output = panel.querySelector("output");
  const cursor = panel.querySelector(".cursor");
  const last = output.textContent;
  const points = JSON.parse(svg.dataset.points);
  const [low, high] = svg.dataset.x.split(",").map(Number);

  function read(event) {
    const box = svg.getBoundingClientRect();
    const at = low + ((event.clientX - box.left) / box.width) * (high - low);
    const [step, value] = points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
    output.textContent = `${value} at step ${Math.round(step)}`;
    cursor.setAttribute("d", `M${(100 * (step - low)) / (high - low)} 0V100`);
  }
  function leave() {
    output.textContent = last;
    cursor.setAttribute("d", "");
  }
  svg.addEventListener("pointermove", read);
  svg.addEventListener("pointerdown", read);
  svg.addEventListener("pointerleave", leave);
}

function startPick(label) {
  const measures = [...document.querySelectorAll(".measure")];
  const select = label.querySelector("select");
  const pick = () => measures.forEach((measure) => { measure.hidden = measure.dataset.measure !== select.value; });
  label.hidden = false;
  select.addEventListener("change", pick);
  pick();
}

document.querySelectorAll(".plot-area").forEach(startPlot);
document.querySelectorAll(".panel").forEach(startPanel);
document.querySelectorAll(".pick").forEach(startPick);
