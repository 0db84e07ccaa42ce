// The form in which people describe features. Works from file://: answers are kept in this browser with each
// keystroke and taken away as a file; a collector, where there is one, gets a copy. What is kept is read from
// localStorage, which survives a reload at once but reaches the disk only after up to a minute; a journal in IndexedDB,
// flushed within half a second, brings the rest back after the browser or the machine has died.
(function () {
  "use strict";
  var box = document.querySelector("[data-annotate]"), batch = window.BARLOW_BATCH, collector = window.BARLOW_COLLECTOR;
  if (!box || !batch) return;
  var root = document.querySelector(".barlow").dataset.root, PREFIX = "barlow-report.annotate." + batch.report_id + ".";
  var TEXTS = ["short", "long"], LIMITS = { short: [3, 3], long: [15, 40] }, RADIOS = ["ease", "confidence", "most_useful", "relation"], CHECKS = ["cannot_tell", "several"], STILL = " You can still answer and download.";
  var form = box.querySelector("[data-form]"), field = form.elements, me = null, order = [], at = 0, active = Date.now(), token = null, sending = false, refusal = "", canSave = true;
  var journal = null, late = {}, timer = 0;

  function $(name) { return box.querySelector("[data-" + name + "]"); }
  function all(selector) { return box.querySelectorAll(selector); }
  function make(tag, properties, children = []) {
    var e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  }
  function key(item) { return item.group_id + "-" + item.feature_id; }
  function read(name) { try { return JSON.parse(localStorage.getItem(PREFIX + name)); } catch (e) { return null; } }
  function tell(name, text) { if ($(name).textContent !== text) $(name).textContent = text; }  // else it is read out again
  function write(name, value) {
    if (value && typeof value === "object") value.time = Date.now();
    try { localStorage.setItem(PREFIX + name, JSON.stringify(value)); canSave = true; } catch (e) { canSave = false; }
    tell("saved", canSave ? "Saved locally" : "This browser keeps nothing: download your answers before you leave");
    late[PREFIX + name] = JSON.stringify(value);
    timer = timer || setTimeout(flush, 400);
  }
  function flush() {
    timer = 0;
    try {
      var store = journal.transaction("kept", "readwrite", { durability: "strict" }).objectStore("kept");
      Object.keys(late).forEach(name => store.put(late[name], name));
    } catch (e) { }
    late = {};
  }
  function recover(then) {  // what the journal has and localStorage lost, then the rest
    try {
      var opened = indexedDB.open("barlow-report");
      opened.onupgradeneeded = () => { opened.result.createObjectStore("kept"); };
      opened.onerror = then;
      opened.onsuccess = () => {
        journal = opened.result;
        var walk = journal.transaction("kept").objectStore("kept").openCursor(IDBKeyRange.bound(PREFIX, PREFIX + "~"));
        walk.onerror = then;
        walk.onsuccess = () => {
          var found = walk.result;
          if (!found) return then();
          var name = found.key.slice(PREFIX.length), value = JSON.parse(found.value), mine = read(name);
          if (mine === null || mine.time < (value || 0).time) write(name, value);
          found.continue();
        };
      };
    } catch (e) { then(); }
  }
  function random() { return crypto.getRandomValues(new Uint32Array(4)); }
  function hex(numbers) { return Array.from(numbers, n => n.toString(16).padStart(8, "0")).join(""); }
  function words(text) { return text.trim() ? text.trim().split(/\s+/).length : 0; }
  function say(text) { $("status").textContent = text; }

  // --- what is kept: `me` for each person, and one entry for each person and item ----------------------------
  function entry(item) {
    return read(me.annotator + "." + key(item)) || { id: hex(random()), revision: 0, record: null, draft: {}, seconds: 0, pastes: 0, sent: 0 };
  }
  function keep(item, value) { write(me.annotator + "." + key(item), value); }
  function remember() { write("person." + me.annotator, me); write("current", me.annotator); }
  function person(name) { return read("person." + name) || { annotator: name, seed: random()[0], part: 0, at: 0 }; }

  function arrange() {  // the items of the part, shuffled by the recorded seed (mulberry32, Fisher and Yates)
    var seed = me.seed, i, j;
    order = batch.items.slice(me.part * batch.part_size, (me.part + 1) * batch.part_size);
    for (i = order.length - 1; i > 0; i--) {
      seed = (seed + 0x6D2B79F5) | 0;
      var t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      j = Math.floor(((t ^ (t >>> 14)) >>> 0) / 4294967296 * (i + 1));
      t = order[i]; order[i] = order[j]; order[j] = t;
    }
  }

  // --- one item ----------------------------------------------------------------------------------------------
  function step(name) {
    all("[data-step]").forEach(part => { part.hidden = part.dataset.step !== name; });
    document.querySelector(".title .lead").hidden = name === "item";
    $("take").disabled = !me;
    $("take").hidden = name === "end";
    var title = box.querySelector("[data-step='" + name + "'] h2");
    title.focus();
    title.scrollIntoView({ block: "start" });
  }
  function picture(src, alt, look = "") { return make("img", { src: root + "media/" + src, alt: alt, className: look, decoding: "async" }); }
  function row(letter, title, hint, tiles, draw) {
    return make("tr", {}, [make("th", { scope: "row" }, [make("b", { textContent: letter }), " " + title + " ", make("small", { textContent: hint })])].concat(tiles.map((tile, i) => {
      var link = make("a", { className: "zoom", href: root + "media/" + tile[letter === "C" ? 2 : 0] }, [draw(tile, letter + ", image " + (i + 1) + " of " + tiles.length)]);
      link.dataset.caption = letter + " · " + title + " · image " + (i + 1);
      return make("td", {}, [link]);
    })));
  }
  function draw(item) {
    var rows = [row("A", "Most activating images", "what do they share?", item.tiles, (t, alt) => picture(t[0], alt))];
    if (item.tiles.some(t => t[1])) rows.push(row("B", "Heatmaps", "where the feature responds", item.tiles, (t, alt) => {
      return make("span", { className: "heat" }, [picture(t[0], alt)].concat(t[1] ? [picture(t[1], "", "map")] : []));
    }));
    rows.push(row("C", "Feature attack", "changed so that it responds more", item.tiles, (t, alt) => picture(t[2], alt)));
    $("pictures").replaceChildren(...rows);
    $("title").textContent = item.title;
    all("[data-class]").forEach(e => { e.textContent = item.name; });
  }
  function show(i) {
    at = me.at = Math.min(Math.max(i, 0), order.length - 1);
    remember();
    var item = order[at], e = entry(item);
    draw(item);
    form.reset();
    TEXTS.forEach(name => { field[name].value = e.draft[name] || ""; });
    RADIOS.forEach(name => { field[name].value = String(e.draft[name] ?? ""); });
    CHECKS.forEach(name => { field[name].checked = !!e.draft[name]; });
    $("errors").replaceChildren();
    TEXTS.forEach(name => { field[name].ariaInvalid = null; });
    limit();
    progress();
    var next = order[at + 1];
    if (next) next.tiles.forEach(t => { new Image().src = root + "media/" + t[0]; });
    step("item");
  }
  function progress() {
    var n = order.filter(item => entry(item).record).length;
    $("progress").textContent = "Feature " + (at + 1) + " of " + order.length + ", " + n + " answered";
    $("bar").value = n;
    $("bar").max = order.length;
    $("back").disabled = at === 0;
    all("[data-n]").forEach(e => { e.textContent = n + " of " + order.length; });
  }
  function limit() {
    TEXTS.forEach(name => {
      var n = words(field[name].value), most = LIMITS[name];
      $("count-" + name).textContent = n + " of " + most[0] + " words" + (n > most[1] ? ": too many" : n > most[0] ? ": fewer will do" : "");
    });
    TEXTS.forEach(name => { field[name].disabled = field.cannot_tell.checked; });
  }
  function answers() {
    var found = {};
    TEXTS.forEach(name => { var text = field[name].value.trim(); if (text && !field.cannot_tell.checked) found[name] = text; });
    RADIOS.forEach(name => { if (field[name].value) found[name] = /^\d$/.test(field[name].value) ? Number(field[name].value) : field[name].value; });
    CHECKS.forEach(name => { if (field[name].checked) found[name] = true; });
    return found;
  }
  function draft() {
    var e = entry(order[at]);
    e.draft = answers();
    if (field.cannot_tell.checked) TEXTS.forEach(name => { if (field[name].value) e.draft[name] = field[name].value; });
    keep(order[at], e);
    return e;
  }
  function check() {
    var problems = [];
    if (!field.cannot_tell.checked) {
      TEXTS.forEach(name => {
        var n = words(field[name].value);
        if (!n) problems.push([name, "Write a " + name + " description, or choose “I cannot tell”."]);
        else if (n > LIMITS[name][1]) problems.push([name, "The " + name + " description has " + n + " words: at most " + LIMITS[name][1] + "."]);
      });
      RADIOS.forEach(name => { if (!field[name].value) problems.push([name, "Choose an answer: " + $("legend-" + name).textContent]); });
    }
    $("errors").replaceChildren(...problems.map(p => make("li", { textContent: p[1] })));
    TEXTS.forEach(name => {
      field[name].ariaInvalid = problems.some(p => p[0] === name) || null;
    });
    if (problems.length) { var bad = field[problems[0][0]]; (bad.length ? bad[0] : bad).focus(); }
    return !problems.length;
  }
  function save() {
    if (!check()) return false;
    var item = order[at], e = draft(), found = answers();
    if (!e.record || JSON.stringify(e.record.answers) !== JSON.stringify(found)) {
      e.revision += 1;
      e.record = {
        schema_version: 1, record_id: e.id, revision: e.revision, report_id: batch.report_id, feature_model: batch.feature_model,
        group_id: item.group_id, feature_id: item.feature_id, annotator: me.annotator, order_seed: me.seed, position: at,
        active_seconds: Math.round(e.seconds * 10) / 10, n_pastes: e.pastes, source: "form", answers: found
      };
      keep(item, e);
      send();
    }
    progress();
    return true;
  }
  function forward() {
    var i;
    for (i = at + 1; i < order.length; i++) if (!entry(order[i]).record) return show(i);
    for (i = 0; i < order.length; i++) if (!entry(order[i]).record) return show(i);
    finish();
  }

  // --- taking answers away and bringing them back ------------------------------------------------------------
  function records() { return batch.items.map(item => entry(item).record).filter(Boolean); }
  function download() {
    var text = records().map(r => JSON.stringify(r) + "\n").join(""), link = make("a", {
      href: URL.createObjectURL(new Blob([text], { type: "application/jsonl" })), download: "annotations-" + me.annotator + "-" + batch.batch_id + ".jsonl"
    });
    link.click();
    setTimeout(() => { URL.revokeObjectURL(link.href); }, 1000);
    say("Downloaded " + records().length + " answers.");
  }
  function adopt(found, sent) {
    var places = {}, isNew = !read("person." + me.annotator), n = 0;
    batch.items.forEach((item, i) => { places[key(item)] = i; });
    found.forEach(r => {
      var item = r && r.report_id === batch.report_id && r.feature_model === batch.feature_model && r.annotator === me.annotator && batch.items[places[key(r)]];
      if (!item || typeof r.answers !== "object") return;
      n += 1;
      if (isNew && Number.isInteger(r.order_seed)) {  // new here: go on in the same order, after the last answer
        me.seed = r.order_seed;
        me.part = Math.floor(places[key(r)] / batch.part_size);
        me.at = Math.max(me.at, r.position + 1 || 0);
      }
      var e = entry(item);
      if (r.revision > e.revision) {
        Object.assign(e, { id: r.record_id, revision: r.revision, record: r, draft: r.answers, seconds: r.active_seconds || 0, pastes: r.n_pastes || 0 });
      }
      if (sent && r.record_id === e.id) e.sent = Math.max(e.sent, r.revision);
      keep(item, e);
    });
    return n;
  }
  function load(file) {
    file.text().then(text => {
      var lines = text.split("\n").filter(line => line.trim()), found = lines.map(line => { try { return JSON.parse(line); } catch (e) { return null; } });
      var first = found.find(r => r && r.report_id === batch.report_id && /^[A-Za-z0-9][\w.-]{0,63}$/.test(r.annotator));
      if (first && !token) {
        me = person(first.annotator);
        $("annotator").value = me.annotator;
      }
      var n = me ? adopt(found, false) : 0;
      if (me) { remember(); $("part").value = me.part; }
      $("take").disabled = !me;
      say(n + " answers read" + (n < lines.length ? ", " + (lines.length - n) + " belong to another report or person" : "") + (n ? ". Press Start to go on." : "."));
    });
  }

  // --- the collector -----------------------------------------------------------------------------------------
  function call(route, body) {
    var headers = token ? { Authorization: "Bearer " + token } : {};
    if (body) headers["Content-Type"] = "application/json";
    return fetch(root + collector.api + route, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) }).then(response =>
      response.json().then(value => ({ status: response.status, value })));
  }
  function unsent() { return batch.items.filter(item => { var e = entry(item); return e.record && e.sent < e.revision && e.refused !== e.revision; }); }
  function send() {
    if (!token || sending) return;
    var item = unsent()[0];
    if (!item) { tell("sent", refusal || "All answers are stored on the server"); return complete(); }
    sending = true;
    tell("sent", "Sending…");
    var record = entry(item).record;
    call("annotations", record).then(reply => {
      sending = false;
      var e = entry(item), ok = reply.status === 200 || reply.status === 201;
      if (reply.status === 401) { token = null; return tell("sent", "Your link is not valid any more. Download your answers."); }
      if (!ok && reply.status !== 409 && reply.status !== 422) throw new Error();
      if (ok) e.sent = Math.max(e.sent, record.revision);
      else { e.refused = record.revision; refusal = "The server refused an answer: " + reply.value.reasons.join("; ") + ". Download your answers."; }
      keep(item, e);
      send();
    }).catch(() => { sending = false; tell("sent", "Not sent yet; trying again. Your answers are kept here."); setTimeout(send, 4000); });
  }
  function complete() {
    if ($("end").hidden || !collector.prolific) return;
    call("complete", {}).then(reply => {
      if (reply.status !== 200 || !/^https:\/\//.test(reply.value.completion)) return;
      $("completion").replaceChildren(make("a", { href: reply.value.completion, textContent: "Everything is stored. Return to Prolific" }));
    }).catch(() => {});
  }
  function join() {
    var hash = new URLSearchParams(location.hash.slice(1)), query = new URLSearchParams(location.search);
    token = hash.get("token") || read("token");
    if (hash.get("token")) history.replaceState(null, "", location.pathname + location.search);
    var ready = Promise.resolve({ value: { token: token } });
    if (collector.prolific && query.get("PROLIFIC_PID")) {
      token = null;  // of whoever sat here before
      ready = call("enrol", { prolific_pid: query.get("PROLIFIC_PID"), study_id: query.get("STUDY_ID"), session_id: query.get("SESSION_ID") });
    }
    ready.then(reply => {
      token = reply.value.token;
      if (reply.value.reasons) return say("You were not let in: " + reply.value.reasons.join("; ") + "." + STILL);
      if (query.get("PROLIFIC_PID")) history.replaceState(null, "", location.pathname);
      if (!token) return say("Open the link you were given: this form has no token." + STILL);
      return call("session").then(session => {
        if (session.status === 401) { token = null; write("token", null); return say("Your link is not valid any more." + STILL); }
        if (session.status !== 200) throw session;
        write("token", token);
        me = person(session.value.annotator);
        var n = adopt(session.value.records, true);
        if (session.value.part !== null) me.part = session.value.part;
        $("annotator").value = me.annotator;
        $("annotator").readOnly = true;
        $("part").value = me.part;
        $("part").disabled = session.value.part !== null;
        remember();
        say("Connected: your answers are stored on the server as you give them." + (n ? " " + n + " are there." : ""));
        send();
      });
    }).catch(() => { say("The server does not answer." + STILL); });
  }

  // --- the course of things ----------------------------------------------------------------------------------
  function start() {
    var name = $("annotator").value.trim();
    if (!$("annotator").checkValidity() || !name) { $("annotator").reportValidity(); return; }
    me = person(name);
    var part = $("part").disabled ? me.part : Number($("part").value) || 0, wanted = location.hash.slice(1), place = batch.items.findIndex(item => "item-" + key(item) === wanted);
    if (place >= 0) part = Math.floor(place / batch.part_size);
    if (part !== me.part) me.at = 0;
    me.part = part;
    arrange();
    show(place >= 0 ? order.indexOf(batch.items[place]) : me.at);
    send();
  }
  function finish() {
    progress();
    step("end");
    send();
  }
  function touched() { active = Date.now(); }

  form.addEventListener("input", () => { touched(); limit(); draft(); });
  form.addEventListener("paste", () => { var e = entry(order[at]); e.pastes += 1; keep(order[at], e); });
  form.addEventListener("submit", event => { event.preventDefault(); if (save()) forward(); });
  form.addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); });
  ["pointermove", "keydown", "scroll"].forEach(name => { document.addEventListener(name, touched, { passive: true }); });
  setInterval(() => {
    if ($("item").hidden || document.visibilityState !== "visible" || Date.now() - active > 60000) return;
    var e = entry(order[at]);
    e.seconds += 1;
    keep(order[at], e);
  }, 1000);
  var actions = {
    start, back: () => { show(at - 1); }, skip: () => { if (at + 1 < order.length) show(at + 1); else finish(); },
    download, again: () => { show(0); }, intro: () => { step("intro"); }
  };
  box.addEventListener("click", event => { var name = event.target.dataset?.action; if (name) actions[name](); });
  $("intro-form").addEventListener("submit", event => { event.preventDefault(); start(); });
  $("file").addEventListener("change", event => { if (event.target.files[0]) load(event.target.files[0]); });
  window.addEventListener("online", send);

  draw(batch.items[0]);  // hidden as yet, but the page's script finds pictures and heatmaps to work on
  recover(() => {
    var last = read("current");
    if (last) { me = person(last); arrange(); $("part").value = me.part; $("take").disabled = false; }
    $("annotator").value = last || "person-" + hex(random()).slice(0, 6);
    box.hidden = false;
    if (collector) join();
    else if (last && me.at) say("Welcome back: press Start to go on where you were.");
  });
})();
