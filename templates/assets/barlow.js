// The report's own script: tables, heatmaps, the viewer, the jump box. Classic, without dependencies, and
// working from file://. Text from data is only ever set as text, never as HTML.
(function () {
  "use strict";
  var page = document.querySelector(".barlow");
  if (!page) return;
  var root = page.dataset.root;

  function make(tag, properties, children) {
    var element = document.createElement(tag);
    Object.keys(properties || {}).forEach(function (key) {
      if (key in element) element[key] = properties[key];
      else element.setAttribute(key, properties[key]);
    });
    (children || []).forEach(function (child) { element.append(child); });
    return element;
  }
  function remember(key, value) { try { localStorage.setItem("barlow-report." + key, value); } catch (e) { /* not allowed: not kept */ } }
  function recall(key) { try { return localStorage.getItem("barlow-report." + key); } catch (e) { return null; } }

  // --- numbers, as formatting.py writes them ---------------------------------------------------------------
  var THIN = "\u202f", MISSING = "–";
  function isMissing(v) { return v === null || v === undefined; }
  function count(n) { return isMissing(n) ? MISSING : String(n).replace(/\B(?=(\d{3})+$)/g, THIN); }
  function percent(share, decimals) {
    if (isMissing(share)) return MISSING;
    var smallest = Math.pow(10, -decimals), value = share * 100;
    if (value > 0 && value < smallest / 2) return "<" + THIN + smallest.toFixed(decimals) + THIN + "%";
    if (value < 100 && value > 100 - smallest / 2) return ">" + THIN + (100 - smallest).toFixed(decimals) + THIN + "%";
    return fixed(value, decimals) + THIN + "%";
  }
  // Python and toFixed both round the exact binary value and differ at exact ties only: Python goes to even.
  // A tie at d decimals is an odd multiple of 2^-(d+1).
  function fixed(value, d) {
    var scale = Math.pow(10, d), lower = Math.floor(value * scale);
    return ((value * Math.pow(2, d + 1)) % 2 === 1 ? (lower + (lower % 2)) / scale : value).toFixed(d);
  }
  function number(value) { var t = isMissing(value) ? MISSING : fixed(Math.abs(value), 3); return value < 0 && Number(t) ? "−" + t : t; }
  function pValue(value) { return isMissing(value) ? MISSING : value < 0.001 ? "<" + THIN + "0.001" : fixed(value, 3); }
  function interval(low, high) { return low + "–" + high + THIN + "%"; }

  window.barlowReport = { percent: percent, count: count, number: number, pValue: pValue };

  // --- tables ----------------------------------------------------------------------------------------------
  var collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  function Table(box) {
    var name = box.dataset.table, data = (window.BARLOW_DATA || {})[name];
    if (!data) return;
    var columns = {}, body = box.querySelector("[data-rows]"), filters = box.querySelector("[data-filters]");
    var counter = box.querySelector("[data-count]"), announcer = box.querySelector("[data-announce]"), pager = box.querySelector("[data-pager]");
    var state = { sort: "", dir: "", page: 1 }, order = [], timer;
    data.columns.forEach(function (c) { columns[c.key] = c; });
    var everything = Array.from({ length: data.n }, function (_, i) {
      return data.columns.map(function (c) { return c.values && typeof c.values[i] === "string" && c.kind !== "picture" ? c.words ? c.words[c.values[i]] : c.values[i] : ""; }).join("\n").toLowerCase();
    });

    function valueOf(c, i) { return c.kind === "rate" ? (c.of[i] ? c.k[i] / c.of[i] : null) : c.values[i]; }
    // The place of each text among all, found once: comparing words of a language takes a hundred times as long as numbers
    function orderOf(c) {
      if (!c.order) {
        var place = new Map(Array.from(new Set(c.values)).filter(function (v) { return !isMissing(v); }).sort(collator.compare).map(function (v, i) { return [v, i]; }));
        c.order = c.values.map(function (v) { return isMissing(v) ? null : place.get(v); });
      }
      return c.order;
    }
    function matches(i, input) {
      var wanted = input.value.trim(), c = columns[input.dataset.filter];
      if (!wanted) return true;
      if (input.dataset.test === "contains") return (c ? String(c.values[i]).toLowerCase() : everything[i]).includes(wanted.toLowerCase());
      if (input.dataset.test === "equals") return c.values[i] === wanted;
      var value = valueOf(c, i);
      return !isMissing(value) && value >= Number(wanted) / ("percent" in input.dataset ? 100 : 1) - 1e-12;
    }
    function arrange() {
      var inputs = filters ? Array.from(filters.querySelectorAll("[data-filter]")).filter(function (input) { return input.value.trim(); }) : [];
      order = [];
      for (var i = 0; i < data.n; i++) if (inputs.every(function (input) { return matches(i, input); })) order.push(i);
      var c = columns[state.sort];
      if (!c) return;
      var sign = state.dir === "descending" ? -1 : 1;
      var keys = c.values && c.values.some(function (v) { return typeof v === "string"; }) ? orderOf(c) : order.length ? Array.from({ length: data.n }, function (_, i) { return valueOf(c, i); }) : [];
      order.sort(function (a, b) {
        var x = keys[a], y = keys[b];
        if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a - b;
        return sign * (x - y) || a - b;
      });
    }
    function cell(c, i) {
      var td = make("td", { className: ["count", "rate", "number", "q"].includes(c.kind) ? "num" : c.kind === "text" && (c.values[i] || "").length < 16 ? "short" : "" }), v = c.kind === "rate" ? c.of[i] : c.values[i];
      if (!td.className) td.removeAttribute("class");
      if (isMissing(v) || (c.kind === "picture" && !v)) td.textContent = MISSING;
      else if (c.kind === "link") td.append(make("a", { href: root + c.paths[i], textContent: v }));
      else if (c.kind === "picture") {
        td.className = "thumb";
        td.append(make("img", { src: root + "media/" + v, alt: c.alts[i], loading: "lazy", decoding: "async", className: c.tiny ? "tiny" : "" }));
      } else if (c.kind === "badge") td.append(make("span", { className: "badge " + v, textContent: c.words[v] }));
      else if (c.kind === "rate") {
        td.textContent = percent(v ? c.k[i] / v : null, 1);
        if (v) td.append(make("small", { className: v < data.least ? "few" : "", textContent: count(c.k[i]) + "/" + count(v) + (c.low && !isMissing(c.low[i]) ? " · " + interval(c.low[i], c.high[i]) : "") + (v < data.least ? " · n\u00a0<\u00a0" + data.least : "") }));
      } else td.textContent = c.kind === "count" ? count(v) : c.kind === "number" ? number(v) : c.kind === "q" ? pValue(v) : v;
      return td;
    }
    function draw() {
      var size = data.pageSize, pages = Math.max(1, Math.ceil(order.length / size));
      state.page = Math.min(Math.max(1, state.page), pages);
      var start = (state.page - 1) * size, rows = document.createDocumentFragment();
      order.slice(start, start + size).forEach(function (i) { rows.append(make("tr", {}, data.columns.map(function (c) { return cell(c, i); }))); });
      if (!order.length) {
        var reset = make("button", { type: "button", textContent: "Reset the filters" });
        reset.addEventListener("click", function () { filters.reset(); });
        rows.append(make("tr", {}, [make("td", { colSpan: data.columns.length }, ["No " + box.dataset.noun + " match these filters. ", reset])]));
      }
      body.replaceChildren(rows);
      counter.textContent = (order.length ? "Rows " + count(start + 1) + "–" + count(Math.min(start + size, order.length)) + " of " + count(order.length) : "0 rows") + (order.length < data.n ? " (" + count(data.n) + " before filters)" : "");
      pager.hidden = pages === 1;
      pager.querySelector("[data-page]").textContent = "Page " + state.page + " of " + pages;
      pager.querySelectorAll("button").forEach(function (b) { b.disabled = b.dataset.step === "-1" ? state.page === 1 : state.page === pages; });
      box.querySelectorAll("[data-sort]").forEach(function (b) {
        var th = b.closest("th");
        if (b.dataset.sort === state.sort) th.setAttribute("aria-sort", state.dir); else th.removeAttribute("aria-sort");
      });
    }
    function save() {
      var params = new URLSearchParams();
      if (state.sort) { params.set("sort", state.sort); params.set("dir", state.dir); }
      if (filters) filters.querySelectorAll("[data-filter]").forEach(function (input) { if (input.value.trim()) params.set(input.dataset.filter || "q", input.value.trim()); });
      if (state.page > 1) params.set("page", state.page);
      var hash = params.toString();
      try { history.replaceState(history.state, "", hash ? "#" + hash : location.pathname + location.search); } catch (e) { /* the view works, its address does not */ }
    }
    function load() {
      var params = new URLSearchParams(location.hash.slice(1)), touched = false;
      if (columns[params.get("sort")]) { state.sort = params.get("sort"); state.dir = params.get("dir") === "descending" ? "descending" : "ascending"; touched = true; }
      if (filters) filters.querySelectorAll("[data-filter]").forEach(function (input) { var v = params.get(input.dataset.filter || "q"); input.value = v || ""; touched = touched || !!v; });
      state.page = parseInt(params.get("page"), 10) || 1;
      return touched || state.page > 1;
    }
    function update(message) { arrange(); draw(); save(); announcer.textContent = message || counter.textContent; }

    box.querySelectorAll("[data-sort]").forEach(function (button) {
      button.disabled = false;
      button.addEventListener("click", function () {
        var key = button.dataset.sort;
        state.dir = state.sort === key ? (state.dir === "ascending" ? "descending" : "ascending") : columns[key].starts;
        state.sort = key;
        state.page = 1;
        update("Sorted by " + button.textContent + ", " + state.dir);
      });
    });
    if (filters) {
      filters.hidden = false;
      filters.addEventListener("submit", function (event) { event.preventDefault(); });
      filters.addEventListener("reset", function () { setTimeout(function () { state.page = 1; update(); }, 0); });
      filters.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(function () { state.page = 1; update(); }, 0); });
    }
    pager.addEventListener("click", function (event) {
      var step = event.target.dataset && event.target.dataset.step;
      if (!step) return;
      state.page += Number(step);
      update();
      box.scrollIntoView({ block: "start" });
    });
    window.addEventListener("hashchange", function () { if (box.isConnected) { load(); arrange(); draw(); } });
    var sorted = box.querySelector("th[aria-sort] [data-sort]");
    if (sorted) { state.sort = sorted.dataset.sort; state.dir = sorted.closest("th").getAttribute("aria-sort"); }
    var restored = load();
    arrange();
    if (restored) draw();
    else { pager.hidden = data.n <= data.pageSize; pager.querySelector("[data-page]").textContent = "Page 1 of " + Math.ceil(data.n / data.pageSize); pager.querySelector("[data-step='-1']").disabled = true; }
    box.barlowDraw = draw;
  }
  document.querySelectorAll("[data-table]").forEach(Table);

  // --- heatmaps --------------------------------------------------------------------------------------------
  var MAPS = { inferno: "inferno", viridis: "viridis", cividis: "cividis", grey: "grey", jet: "jet (as in the paper)" };
  var MODES = { overlay: "overlay", mask: "mask", outline: "outline at half", off: "off" };
  function setHeat(key, value) {
    if (key === "opacity") page.style.setProperty("--heat", value / 100); else page.dataset[key] = value;
    remember(key, value);
    document.querySelectorAll("[data-tool='" + key + "']").forEach(function (input) { input.value = value; });
    if (key === "heat") document.querySelectorAll("[data-tool='opacity']").forEach(function (input) { input.disabled = value !== "overlay"; });
  }
  function choice(key, label, options) {
    var select = make("select", { "data-tool": key }, Object.keys(options).map(function (v) { return make("option", { value: v, textContent: options[v] }); }));
    return make("label", {}, [label, select]);
  }
  var tools = document.querySelectorAll("[data-heat-tools]");
  tools.forEach(function (box) {
    if (!box.parentElement.querySelector(".map")) return;
    box.append(choice("heat", "Heatmap", MODES), choice("map", "Colours", MAPS), make("label", {}, ["Opacity", make("input", { type: "range", min: 0, max: 100, step: 5, "data-tool": "opacity" })]));
    box.addEventListener("input", function (event) { setHeat(event.target.dataset.tool, event.target.value); });
    box.hidden = false;
  });
  if (document.querySelector(".map")) {
    var map = recall("map"), mode = recall("heat"), opacity = recall("opacity");
    setHeat("map", map in MAPS ? map : "inferno");
    setHeat("heat", mode in MODES ? mode : "overlay");
    setHeat("opacity", opacity !== null && opacity >= 0 && opacity <= 100 ? opacity : 60);
  }

  // --- the viewer ------------------------------------------------------------------------------------------
  var viewer, stage, caption, place, links = [], at = 0;
  function buildViewer() {
    stage = make("div", { className: "stage" });
    caption = make("p", { id: "viewer-caption" });
    place = make("span", { role: "status" });
    var back = make("button", { type: "button", textContent: "← Previous" }), on = make("button", { type: "button", textContent: "Next →" }), close = make("button", { type: "button", textContent: "Close" });
    back.addEventListener("click", function () { show(at - 1); });
    on.addEventListener("click", function () { show(at + 1); });
    close.addEventListener("click", function () { viewer.close(); });
    viewer = make("dialog", { className: "viewer", "aria-labelledby": "viewer-caption" }, [stage, caption, make("div", { className: "bar" }, [back, place, on, close])]);
    viewer.addEventListener("keydown", function (event) {
      if (event.key === "ArrowLeft") show(at - 1);
      else if (event.key === "ArrowRight") show(at + 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    viewer.addEventListener("click", function (event) { if (event.target === viewer) viewer.close(); });
    viewer.addEventListener("close", function () { if (links[at]) links[at].focus(); });
    page.append(viewer);
  }
  function show(i) {
    at = (i + links.length) % links.length;
    var picture = links[at].firstElementChild.cloneNode(true);
    picture.querySelectorAll("img").forEach(function (img) { img.loading = "eager"; });
    stage.replaceChildren(picture);
    caption.textContent = links[at].dataset.caption;
    place.textContent = (at + 1) + " of " + links.length;
  }
  document.querySelectorAll("[data-viewer]").forEach(function (set) {
    set.addEventListener("click", function (event) {
      var link = event.target.closest(".zoom");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!viewer) buildViewer();
      links = Array.from(set.querySelectorAll(".zoom"));
      show(links.indexOf(link));
      viewer.showModal();
    });
  });

  // --- the jump box ----------------------------------------------------------------------------------------
  document.querySelectorAll("[data-jump]").forEach(function (form) {
    var input = form.querySelector("input"), list = form.querySelector("datalist"), loaded = false;
    function all() { return window.BARLOW_JUMP || []; }
    function first(fits) { return all().find(entry => fits(entry[0].toLowerCase())); }
    function suggest() {
      var wanted = input.value.trim().toLowerCase(), found = all().filter(entry => entry[0].toLowerCase().includes(wanted)).slice(0, 20);
      list.replaceChildren(...found.map(entry => make("option", { value: entry[0] })));
      return found;
    }
    function load() {
      if (loaded) return;
      loaded = true;
      var script = make("script", { src: root + "data/jump.js" });
      script.addEventListener("load", suggest);
      document.head.append(script);
    }
    form.hidden = false;
    input.addEventListener("focus", load);
    input.addEventListener("input", suggest);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var wanted = input.value.trim().toLowerCase(), found = suggest();
      var feature = "feature " + wanted.replace("feature ", "") + " ";
      var target = first(name => name === wanted) || first(name => (name + " ").startsWith(feature)) || (wanted && found[0]);
      if (target) location.href = root + target[1];
      else { input.setCustomValidity("Nothing is called that."); form.reportValidity(); input.setCustomValidity(""); }
    });
  });

  // --- keyboard --------------------------------------------------------------------------------------------
  // Single keys can be switched off: they get in the way of speech input.
  var KEYS = [
    ["n", "next class or feature", () => follow("[rel=next]")],
    ["p", "previous class or feature", () => follow("[rel=prev]")],
    ["u", "up one level", () => follow(".trail li:nth-last-child(2) a")],
    ["j", "jump to a class or feature", () => focusOn(".jump input")],
    ["t", "filter the table", () => focusOn("[data-filter]")],
    ["h", "heatmaps on and off", function () { if (document.querySelector(".map")) setHeat("heat", page.dataset.heat === "off" ? "overlay" : "off"); }],
    ["?", "this list", () => help()],
  ];
  var MORE = [["/", "search (sites with a search box)"], ["← →", "in the picture viewer: previous, next"], ["Esc", "close the viewer or this list"]];
  var panel;
  function follow(selector) { var link = page.querySelector(selector); if (link) link.click(); }
  function focusOn(selector) { var input = page.querySelector(selector); if (input && !input.closest("[hidden]")) { input.focus(); input.scrollIntoView({ block: "center" }); } }
  function keysAreOn() { return recall("keys") !== "off"; }
  function help() {
    if (!panel) {
      var box = make("input", { type: "checkbox" }), close = make("button", { type: "button", textContent: "Close" });
      box.addEventListener("change", function () { remember("keys", box.checked ? "on" : "off"); });
      close.addEventListener("click", function () { panel.close(); });
      panel = make("dialog", { className: "viewer keys", "aria-labelledby": "keys-title" }, [
        make("h2", { id: "keys-title", textContent: "Keyboard shortcuts" }),
        make("dl", {}, KEYS.concat(MORE).map(function (key) { return make("div", {}, [make("dt", {}, [make("kbd", { textContent: key[0] })]), make("dd", { textContent: key[1] })]); })),
        make("p", {}, [make("label", {}, [box, " Use single keys as shortcuts"])]),
        make("div", { className: "bar" }, [close]),
      ]);
      panel.addEventListener("click", function (event) { if (event.target === panel) panel.close(); });
      page.append(panel);
    }
    panel.querySelector("input").checked = keysAreOn();
    panel.showModal();
  }
  document.querySelectorAll("[data-help]").forEach(function (button) { button.hidden = false; button.addEventListener("click", help); });
  document.addEventListener("keydown", function (event) {
    if (!page.isConnected || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    var found = KEYS.find(function (key) { return key[0] === event.key; });
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    found[2]();
  }, true);
})();
