// The script of every page: heatmaps, pictures to open, keys. Classic, without dependencies, and working from
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
  window.barlowReport = { make, on, button, setUpHeatmaps };

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

  // --- tabs, and addresses of what is folded away ------------------------------------------------------------
  if (one("[data-panels], .group details")) document.head.append(make("script", { src: root + "assets/barlow/tabs.js" }));

  // --- paper: what is folded away is opened, and closed again -------------------------------------------------
  on(window, "beforeprint", () => { all("details:not([open])").forEach(box => { box.open = true; box.dataset.printed = ""; }); });
  on(window, "afterprint", () => { all("[data-printed]").forEach(box => { box.open = false; delete box.dataset.printed; }); });

  // --- the viewer ------------------------------------------------------------------------------------------
  // Its script comes with the first picture that is opened; where it does not come, the picture itself is shown.
  all("[data-viewer]").forEach(set => {
    on(set, "click", event => {
      var link = event.target.closest(".zoom");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (window.barlowReport.view) { window.barlowReport.view(set, link); return; }
      document.head.append(make("script", { src: root + "assets/barlow/viewer.js", onload: () => { window.barlowReport.view(set, link); }, onerror: () => { location = link.href; } }));
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
