// The script of every page: heatmaps, the viewer, keys. Classic, without dependencies, and working from
// file://. Text from data is only ever set as text, never as HTML. What is read from an address or from this browser's
// store may be anything: it is looked up by Object.hasOwn or in a Map, because objects also have names like `constructor`.
(function () {
  "use strict";
  var page = document.querySelector(".barlow");
  if (!page) return;
  var root = page.dataset.root;

  function make(tag, properties, children) {
    var element = document.createElement(tag);
    Object.keys(properties || {}).forEach(key => {
      if (key in element) element[key] = properties[key];
      else element.setAttribute(key, properties[key]);
    });
    (children || []).forEach(child => { element.append(child); });
    return element;
  }
  function remember(key, value) { try { localStorage.setItem("barlow-report." + key, value); } catch { /* not allowed: not kept */ } }
  function recall(key) { try { return localStorage.getItem("barlow-report." + key); } catch { return null; } }
  function button(text) { return make("button", { type: "button", textContent: text }); }
  function on(target, name, act, options) { target.addEventListener(name, act, options); }
  function one(selector) { return document.querySelector(selector); }
  function all(selector) { return document.querySelectorAll(selector); }
  window.barlowReport = { make, on, setUpHeatmaps };

  // --- heatmaps --------------------------------------------------------------------------------------------
  var MAPS = { inferno: "inferno", viridis: "viridis", cividis: "cividis", grey: "grey", jet: "jet (as in the paper)" };
  var MODES = { overlay: "overlay", mask: "mask", outline: "outline at half", off: "off" };
  function setHeat(key, value) {
    if (key === "opacity") page.style.setProperty("--heat", value / 100); else page.dataset[key] = value;
    remember(key, value);
    all("[data-tool='" + key + "']").forEach(input => { input.value = value; });
    if (key === "heat") all("[data-tool='opacity']").forEach(input => { input.disabled = value !== "overlay"; });
  }
  function choice(key, label, options) {
    var select = make("select", { "data-tool": key }, Object.keys(options).map(v => make("option", { value: v, textContent: options[v] })));
    return make("label", {}, [label, select]);
  }
  function setUpHeatmaps() {
    all("[data-heat-tools]").forEach(box => {
      if (!box.hidden || !box.parentElement.querySelector(".map")) return;
      box.append(choice("heat", "Heatmap", MODES), choice("map", "Colours", MAPS), make("label", {}, ["Opacity", make("input", { type: "range", min: 0, max: 100, step: 5, "data-tool": "opacity" })]));
      on(box, "input", event => { setHeat(event.target.dataset.tool, event.target.value); });
      box.hidden = false;
    });
    if (!one(".map")) return;
    var map = recall("map"), mode = recall("heat"), opacity = parseFloat(recall("opacity"));
    setHeat("map", Object.hasOwn(MAPS, map) ? map : "inferno");
    setHeat("heat", Object.hasOwn(MODES, mode) ? mode : "overlay");
    setHeat("opacity", opacity >= 0 && opacity <= 100 ? opacity : 60);
  }
  setUpHeatmaps();

  // --- the viewer ------------------------------------------------------------------------------------------
  // In a triptych, left and right lead to other images, up and down to the same image in the rows A, B and C.
  var viewer, stage, caption, place, letters, grid = [], row = 0, at = 0;
  function buildViewer() {
    stage = make("div", { className: "stage" });
    caption = make("p", { id: "viewer-caption" });
    place = make("span", { role: "status" });
    letters = make("span", { className: "letters", role: "group" });
    letters.setAttribute("aria-label", "Row of the triptych");
    var back = button("← Previous"), next = button("Next →"), close = button("Close");
    on(back, "click", () => { show(at - 1); });
    on(next, "click", () => { show(at + 1); });
    on(close, "click", () => { viewer.close(); });
    viewer = make("dialog", { className: "viewer", "aria-labelledby": "viewer-caption" }, [stage, caption, make("div", { className: "bar" }, [back, place, next, letters, close])]);
    on(viewer, "keydown", event => {
      if (event.key === "ArrowLeft") show(at - 1);
      else if (event.key === "ArrowRight") show(at + 1);
      else if (event.key === "ArrowUp" && grid.length > 1) step(row - 1);
      else if (event.key === "ArrowDown" && grid.length > 1) step(row + 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    on(viewer, "click", event => { if (event.target === viewer) viewer.close(); });
    on(viewer, "close", () => { if (grid[row][at]) grid[row][at].focus(); });
    page.append(viewer);
  }
  function zooms(box) { return Array.from(box.querySelectorAll(".zoom")); }
  function open(set, link) {
    var rows = Array.from(set.rows || []).filter(r => r.querySelector("th b") && r.querySelector(".zoom"));
    grid = rows.length > 1 ? rows.map(zooms) : [zooms(set)];
    row = grid.findIndex(links => links.includes(link));
    letters.replaceChildren(...(rows.length > 1 ? rows : []).map((r, i) => {
      var to = button(r.querySelector("th b").textContent);
      on(to, "click", () => { step(i); });
      return to;
    }));
    show(grid[row].indexOf(link));
  }
  // The same image in another row; a row that lacks it is passed over
  function step(to) {
    var column = grid[row][at].closest("td").cellIndex, way = to < row ? -1 : 1;
    for (var i = 0; i < grid.length; i++, to += way) {
      var links = grid[(to + grid.length) % grid.length], found = links.findIndex(link => link.closest("td").cellIndex === column);
      if (found < 0) continue;
      row = grid.indexOf(links);
      show(found);
      return;
    }
  }
  function show(i) {
    var links = grid[row];
    at = (i + links.length) % links.length;
    Array.from(letters.children).forEach((to, j) => { to.setAttribute("aria-pressed", String(j === row)); });
    var picture = links[at].firstElementChild.cloneNode(true);
    picture.querySelectorAll("img").forEach(img => { img.loading = "eager"; });
    stage.replaceChildren(picture);
    caption.textContent = links[at].dataset.caption;
    place.textContent = (at + 1) + " of " + links.length;
  }
  all("[data-viewer]").forEach(set => {
    on(set, "click", event => {
      var link = event.target.closest(".zoom");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!viewer) buildViewer();
      open(set, link);
      viewer.showModal();
    });
  });

  // --- the jump box ----------------------------------------------------------------------------------------
  all("[data-jump]").forEach(form => {
    form.hidden = false;
    on(form, "focusin", () => { document.head.append(make("script", { src: root + "assets/barlow/jump.js" })); }, { once: true });
    on(form, "submit", event => { event.preventDefault(); });
  });

  // --- keyboard --------------------------------------------------------------------------------------------
  // Single keys can be switched off: they get in the way of speech input.
  var KEYS = [
    ["n", "next class or feature", () => follow("[rel=next]")],
    ["p", "previous class or feature", () => follow("[rel=prev]")],
    ["u", "up one level", () => follow(".trail li:nth-last-child(2) a")],
    ["j", "jump to a class, feature or failure mode", () => focusOn(".jump input")],
    ["t", "filter the table", () => focusOn("[data-filter]")],
    ["h", "heatmaps on and off", () => { if (one(".map")) setHeat("heat", page.dataset.heat === "off" ? "overlay" : "off"); }],
    ["?", "this list", () => help()],
  ];
  var MORE = [["/", "search (sites with a search box)"], ["← →", "in the picture viewer: previous, next"], ["↑ ↓", "in the picture viewer: the same image in A, B, C"], ["Esc", "close the viewer or this list"]];
  var panel;
  function follow(selector) { var link = page.querySelector(selector); if (link) link.click(); }
  function focusOn(selector) { var input = page.querySelector(selector); if (input && !input.closest("[hidden]")) { input.focus(); input.scrollIntoView({ block: "center" }); } }
  function keysAreOn() { return recall("keys") !== "off"; }
  function help() {
    if (!panel) {
      var box = make("input", { type: "checkbox" }), close = button("Close");
      on(box, "change", () => { remember("keys", box.checked ? "on" : "off"); });
      on(close, "click", () => { panel.close(); });
      panel = make("dialog", { className: "viewer keys", "aria-labelledby": "keys-title" }, [
        make("h2", { id: "keys-title", textContent: "Keyboard shortcuts" }),
        make("dl", {}, KEYS.concat(MORE).map(key => make("div", {}, [make("dt", {}, [make("kbd", { textContent: key[0] })]), make("dd", { textContent: key[1] })]))),
        make("p", {}, [make("label", {}, [box, " Use single keys as shortcuts"])]),
        make("div", { className: "bar" }, [close]),
      ]);
      on(panel, "click", event => { if (event.target === panel) panel.close(); });
      page.append(panel);
    }
    panel.querySelector("input").checked = keysAreOn();
    panel.showModal();
  }
  all("[data-help]").forEach(button => { button.hidden = false; on(button, "click", help); });
  on(document, "keydown", event => {
    if (!page.isConnected || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    var found = KEYS.find(key => key[0] === event.key);
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    found[2]();
  }, true);
})();
