// Tables: sorted, filtered and paged in the browser from a columnar data script. Comes after barlow.js on the pages that
// have a table. Text from data is only ever set as text, never as HTML.
(function () {
  "use strict";
  var page = document.querySelector(".barlow");
  if (!page) return;
  var root = page.dataset.root, make = barlowReport.make;

  // --- numbers, as formatting.py writes them ---------------------------------------------------------------
  var THIN = "\u202f", MISSING = "–", MOST_PRINTED = 200;
  function isMissing(v) { return v === null || v === undefined; }
  function count(n) { return isMissing(n) ? MISSING : String(n).replace(/\B(?=(\d{3})+$)/g, THIN); }
  function percent(share, decimals, isRest) {  // of a rest halves go down: the error rate that leaves it goes up
    if (isMissing(share)) return MISSING;
    var smallest = Math.pow(10, -decimals), text = fixed(share, decimals, 2, isRest);
    if (share > 0 && !Number(text)) return "<" + THIN + smallest.toFixed(decimals) + THIN + "%";
    if (share < 1 && Number(text) === 100) return ">" + THIN + (100 - smallest).toFixed(decimals) + THIN + "%";
    return text + THIN + "%";
  }
  // Halves go up, or down, by the digits of the shortest decimal text of a number that is not negative; times 10^shift.
  function fixed(value, d, shift, isDown) {
    var parts = /^(\d+)\.?(\d*)(?:e([+-]\d+))?$/.exec(String(value)), digits = parts[1] + parts[2];
    var end = parts[1].length + Number(parts[3] || 0) + (shift || 0) + d;
    if (end < 0) { digits = "0".repeat(-end) + digits; end = 0; }
    digits = digits.padEnd(end + 1, "0");
    var isUp = isDown ? /^(5.*[1-9]|[6-9])/.test(digits.slice(end)) : digits[end] >= "5";
    var whole = String(BigInt("0" + digits.slice(0, end)) + (isUp ? 1n : 0n)).padStart(d + 1, "0");
    return d ? whole.slice(0, -d) + "." + whole.slice(-d) : whole;
  }
  // Four significant digits, trailing zeros too, as Python's #.4g: an exponent of two digits below 0.0001 and from 10000 on
  function activation(value) {
    if (isMissing(value)) return MISSING;
    var size = Math.abs(value), text = size ? size < 1e-4 ? size.toExponential(3) : size.toPrecision(4) : "0";
    return (value < 0 ? "−" : "") + text.replace(/e([+-])(\d)$/, "e$10$2").replace("e-", "e−");
  }
  function number(value) { var t = isMissing(value) ? MISSING : fixed(Math.abs(value), 3); return value < 0 && Number(t) ? "−" + t : t; }
  function change(value) { var t = fixed(Math.abs(value), 1, 2); return (Number(t) ? value < 0 ? "−" : "+" : "") + t; }
  function pValue(value) { return isMissing(value) ? MISSING : value < 0.001 ? "<" + THIN + "0.001" : fixed(value, 3); }
  function interval(low, high) { return low + "–" + high + THIN + "%"; }

  Object.assign(barlowReport, { percent, count, number, pValue, activation });

  // --- tables ----------------------------------------------------------------------------------------------
  var collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  function Table(box) {
    var name = box.dataset.table, data = (window.BARLOW_DATA || {})[name];
    if (!data) return;
    data.columns.forEach(c => { if (c.codes) c.values = c.codes.map(code => c.texts[code]); });
    var columns = new Map(data.columns.map(c => [c.key, c])), body = box.querySelector("[data-rows]"), filters = box.querySelector("[data-filters]");
    var counter = box.querySelector("[data-count]"), announcer = box.querySelector("[data-announce]"), pager = box.querySelector("[data-pager]");
    var isGallery = box.dataset.layout === "gallery", look = filters && filters.querySelector("[data-test=view]");
    var state = { sort: "", dir: "", page: 1 }, usual = { sort: "", dir: "" }, order = [], timer;
    var labels = Array.from(box.querySelectorAll("thead th"), th => (th.querySelector("[data-sort]") || th).textContent.trim());  // of cells that are cards on a phone
    var texts = new Map();  // of a column, or of all: what a row is found by, made when it is first looked for

    function textsOf(c) {
      if (!texts.has(c)) texts.set(c, Array.from({ length: data.n }, (_, i) => barlowFold.spellings(c ? c.links ? namesOf(c, i).join("\n") : String(c.values[i] ?? "") : data.columns.map(c => {
        return c.values && typeof c.values[i] === "string" && c.kind !== "picture" ? c.words ? c.words[c.values[i]] : c.values[i] : "";
      }).join("\n"))));
      return texts.get(c);
    }
    function namesOf(c, i) { return c.values[i].map(place => c.links[place][0]); }
    function lengths(text) { return text.length < 16 ? "short" : text.split(/\s+/).every(word => word.length < 16) ? "words" : ""; }  // which text stays whole
    function valueOf(c, i) { return c.kind === "rate" ? (c.of[i] ? c.k[i] / c.of[i] : null) : c.values[i]; }
    // The place of each text among all, found once: comparing words of a language takes a hundred times as long as numbers
    function orderOf(c) {
      if (!c.order) {
        var place = new Map(Array.from(new Set(c.values)).filter(function (v) { return !isMissing(v); }).sort(collator.compare).map(function (v, i) { return [v, i]; }));
        c.order = c.values.map(function (v) { return isMissing(v) ? null : place.get(v); });
      }
      return c.order;
    }
    function condition(input) {  // what a filter asks of a row
      var wanted = input.value.trim(), c = columns.get(input.dataset.filter);
      var test = input.dataset.test;
      if (test === "view") return () => true;
      if (c && c.links && test === "equals") return i => { var n = c.values[i].length; return wanted === "some" ? n : wanted === "none" ? !n : namesOf(c, i).includes(wanted); };
      if (test === "equals" || test === "name" && c.values.includes(wanted)) return i => c.values[i] === wanted;
      if (test !== "least") {
        var pieces = barlowFold.fold(wanted).split(/\s+/), found = textsOf(c);
        return i => pieces.every(piece => found[i].includes(piece));
      }
      var least = Number(wanted) / ("percent" in input.dataset ? 100 : 1) - 1e-12;
      return i => { var value = valueOf(c, i); return !isMissing(value) && value >= least; };
    }
    function arrange() {
      var conditions = filters ? Array.from(filters.querySelectorAll("[data-filter]")).filter(input => input.value.trim()).map(condition) : [];
      order = [];
      for (var i = 0; i < data.n; i++) if (conditions.every(holds => holds(i))) order.push(i);
      var c = columns.get(state.sort);
      if (!c) return;
      var sign = state.dir === "descending" ? -1 : 1;
      var keys = c.values && c.values.some(function (v) { return typeof v === "string"; }) ? orderOf(c) : order.length ? Array.from({ length: data.n }, function (_, i) { return valueOf(c, i); }) : [];
      order.sort(function (a, b) {
        var x = keys[a], y = keys[b];
        if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a - b;
        return sign * (x - y) || a - b;
      });
      var pictures = isGallery && columns.get("picture").values;  // what has no picture comes behind what has one
      if (pictures) order.sort((a, b) => !pictures[a] - !pictures[b]);
    }
    function picture(name, alt) { return make("img", { src: root + "media/" + name, alt, loading: "lazy", decoding: "async" }); }
    function cell(c, i, place) {
      var td = make("td", { role: "cell", "data-label": labels[place], className: ["count", "rate", "estimate", "change", "number", "percent", "activation", "q"].includes(c.kind) ? "num" : c.kind === "grade" ? "short" : c.kind === "text" ? lengths(c.values[i] || "") : "" }), v = c.kind === "rate" ? c.of[i] : c.values[i];
      if (!td.className) td.removeAttribute("class");
      if (isMissing(v) || (c.kind === "picture" && !v)) td.textContent = MISSING;
      else if (c.kind === "link") td.append(make("a", { href: root + c.paths[i], textContent: v }));
      else if (c.kind === "links") td.append(...v.map(place => make("a", { href: root + c.links[place][1], textContent: c.links[place][0] })));
      else if (c.kind === "sample") {
        td.className = "thumb sample";
        td.append(...(v ? [picture(v, c.alts[i])] : []), ...c.features[i].map(f => make("span", {}, [picture(f[0], f[1]), make("small", { textContent: f[2] })])));
      } else if (c.kind === "picture") {
        td.className = "thumb";
        td.append(picture(v, c.alts ? c.alts[i] : ""));
      } else if (c.kind === "badge") td.append(make("span", { className: "badge " + v, textContent: c.words[v] }));
      else if (c.kind === "rate") {
        td.textContent = percent(v ? c.k[i] / v : null, 1, c.rest);
        if (v) td.append(make("small", { className: v < data.least ? "few" : "", textContent: count(c.k[i]) + "/" + count(v) + (c.low && !isMissing(c.low[i]) ? " · " + interval(c.low[i], c.high[i]) : "") + (v < data.least ? " · n\u00a0<\u00a0" + data.least : "") }));
      } else if (c.kind === "estimate") {
        td.textContent = percent(v, 1);
        td.append(make("small", { textContent: interval(c.low[i], c.high[i]) }));
      } else if (c.kind === "change") {
        td.textContent = change(v);
        td.append(make("small", { textContent: c.low[i] + " to " + c.high[i] }));
      } else td.textContent = c.kind === "count" ? count(v) : c.kind === "number" ? number(v) : c.kind === "percent" ? percent(v, 0) : c.kind === "activation" ? activation(v) : c.kind === "q" ? pValue(v) : c.kind === "grade" ? c.grades.find(grade => v >= grade[0])[1] + " " + fixed(v, 2) : v;
      if (c.below) td.classList.add("below");
      return td;
    }
    function draw(onPaper) {
      var size = onPaper ? MOST_PRINTED : data.pageSize, pages = Math.max(1, Math.ceil(order.length / size));
      state.page = Math.min(Math.max(1, state.page), pages);
      var start = (state.page - 1) * size, rows = document.createDocumentFragment();
      order.slice(start, start + size).forEach(function (i) { rows.append(isGallery ? barlowReport.tile(data.columns, columns, i, picture) : make("tr", { role: "row" }, data.columns.map(function (c, place) { return cell(c, i, place); }))); });
      if (look) box.dataset.view = look.value;
      if (!order.length) {
        var reset = make("button", { type: "button", textContent: "Reset the filters" });
        reset.addEventListener("click", function () { filters.reset(); });
        var nothing = ["No " + box.dataset.noun + " match these filters. ", reset];
        rows.append(isGallery ? make("li", { className: "nothing" }, nothing) : make("tr", { role: "row" }, [make("td", { role: "cell", colSpan: data.columns.length }, nothing)]));
      }
      body.replaceChildren(rows);
      counter.textContent = (order.length ? (isGallery ? "Images " : "Rows ") + count(start + 1) + "–" + count(Math.min(start + size, order.length)) + " of " + count(order.length) : isGallery ? "0 images" : "0 rows") + (order.length < data.n ? " (" + count(data.n) + " before filters)" : "");
      pager.hidden = pages === 1;
      pager.querySelector("[data-page]").textContent = "Page " + state.page + " of " + pages;
      pager.querySelectorAll("button").forEach(function (b) { b.disabled = b.dataset.step === "-1" ? state.page === 1 : state.page === pages; });
      box.querySelectorAll("[data-sort]").forEach(function (b) {
        var th = b.closest("th");
        if (!th) { b.setAttribute("aria-pressed", b.dataset.sort === state.sort); b.dataset.dir = state.dir; }
        else if (b.dataset.sort === state.sort) th.setAttribute("aria-sort", state.dir); else th.removeAttribute("aria-sort");
      });
    }
    function save() {
      var params = new URLSearchParams();
      if (state.sort) { params.set("sort", state.sort); params.set("dir", state.dir); }
      if (filters) filters.querySelectorAll("[data-filter]").forEach(function (input) { if (input.value.trim()) params.set(input.dataset.filter || "q", input.value.trim()); });
      if (state.page > 1) params.set("page", state.page);
      var hash = params.toString();
      try { history.replaceState(history.state, "", location.pathname + (hash ? "#" + hash : "")); } catch (e) { /* the view works, its address does not */ }
    }
    function load() {
      var params = new URLSearchParams(location.hash.slice(1) || location.search), touched = false;
      var sort = params.get("sort"), isKnown = Array.from(box.querySelectorAll("[data-sort]")).some(b => b.dataset.sort === sort);
      state.sort = isKnown ? sort : usual.sort;
      state.dir = isKnown ? params.get("dir") === "descending" ? "descending" : "ascending" : usual.dir;
      touched = isKnown;
      if (filters) filters.querySelectorAll("[data-filter]").forEach(function (input) {
        var wanted = params.get(input.dataset.filter || "q") || "";
        input.value = input.type === "number" && !isFinite(wanted) ? "" : wanted;
        if (input.selectedIndex < 0) input.value = "";
        touched = touched || !!input.value;
      });
      state.page = parseInt(params.get("page"), 10) || 1;
      return touched || state.page > 1;
    }
    function update(message) { arrange(); draw(); save(); announcer.textContent = message || counter.textContent; }

    box.querySelectorAll("[data-sort]").forEach(function (button) {
      button.disabled = false;
      button.addEventListener("click", function () {
        var key = button.dataset.sort;
        state.dir = state.sort === key ? (state.dir === "ascending" ? "descending" : "ascending") : columns.get(key).starts;
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
    // A list that fits a few sheets is printed as a whole
    if (data.n > data.pageSize && data.n <= MOST_PRINTED) {
      var before;
      window.addEventListener("beforeprint", () => { before = state.page; state.page = 1; draw(true); box.querySelectorAll("img").forEach(img => { img.loading = "eager"; }); });
      window.addEventListener("afterprint", () => { state.page = before; draw(); });
    }
    window.addEventListener("hashchange", function () { if (box.isConnected) { load(); arrange(); draw(); } });
    var sorted = box.querySelector("th[aria-sort] [data-sort]");
    if (sorted) usual = { sort: sorted.dataset.sort, dir: sorted.closest("th").getAttribute("aria-sort") };
    var restored = load();
    arrange();
    if (restored) draw();
    else { pager.hidden = data.n <= data.pageSize; pager.querySelector("[data-page]").textContent = "Page 1 of " + Math.ceil(data.n / data.pageSize); pager.querySelector("[data-step='-1']").disabled = true; }
    box.barlowDraw = draw;
  }
  document.querySelectorAll("[data-table]").forEach(Table);
})();
