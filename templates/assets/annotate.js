// The form in which people describe features. Works from file://. Answers are kept by annotate-store.js with each
// keystroke and taken away as a file; a collector, where there is one, gets a copy by annotate-outbox.js. Both come before
// this in the same file. What was kept or is loaded may be anything: `sound` lets through only what the form can show.
(function () {
  "use strict";
  var box = document.querySelector("[data-annotate]"), batch = window.BARLOW_BATCH, collector = window.BARLOW_COLLECTOR;
  if (!box || !batch) return;
  var root = document.querySelector(".barlow").dataset.root, PREFIX = "barlow-report.annotate." + batch.report_id + ".";
  var TEXTS = ["short", "long"], LIMITS = { short: [3, 3], long: [15, 40] }, RADIOS = ["ease", "confidence", "most_useful", "relation"], CHECKS = ["cannot_tell", "several"], STILL = " You can still answer and download.";
  var form = box.querySelector("[data-form]"), field = form.elements, me = null, order = [], at = 0, shown = 0, active = 0, refusal = "", n_ids = 0, isConnected = false;
  var items = batch.items, json = JSON.stringify, safety = "kept", taken = new Set(), { make, on } = barlowReport;
  var ONLY_HERE = "Not saved by this browser: your answers are only in this window. Download them before you close it.";

  function $(name) { return box.querySelector("[data-" + name + "]"); }
  var all = selector => box.querySelectorAll(selector);
  var key = item => item.group_id + "-" + item.feature_id;
  function tell(name, text) { if ($(name).textContent !== text) $(name).textContent = text; }  // else it is read out again
  function random() {
    try { return crypto.getRandomValues(new Uint32Array(4)); } catch {  // not everywhere; time and a count keep ids apart
      return [Date.now() % 4294967296, performance.now() * 1000 % 4294967296, n_ids++, Math.random() * 4294967296].map(Math.floor);
    }
  }
  var hex = numbers => Array.from(numbers, n => n.toString(16).padStart(8, "0")).join("");
  var text = value => typeof value === "string" || typeof value === "number" || value === true ? String(value) : "";
  var words = text => text.trim() ? text.trim().split(/\s+/).length : 0;
  function say(text) { $("status").textContent = text; }

  // --- what is kept: `me` for each person, and one entry for each person and item ----------------------------
  // An entry has the record that counts, and beside it `others`: answers to the same item that another window gave.
  function slot(item) { return me.annotator + "." + key(item); }
  function entry(item) {
    return read(slot(item)) || sound("", { id: hex(random()), record: null });
  }
  function keep(item, value, isMinor) { write(slot(item), value, isMinor); }
  function remember() { write("person." + me.annotator, me); write("current", me.annotator); }
  var person = name => read("person." + name) || { annotator: name, seed: random()[0], part: 0, at: 0 };
  var isObject = value => !!value && typeof value === "object" && !Array.isArray(value);
  var isCount = value => Number.isSafeInteger(value) && value >= 0;
  var number = value => isCount(value) ? value : 0;
  var isName = value => typeof value === "string" && /^[A-Za-z0-9][\w.-]{0,63}$/.test(value);
  function isRecord(r) {
    return isObject(r) && r.schema_version === 1 && r.report_id === batch.report_id && r.feature_model === batch.feature_model && isName(r.annotator) && isObject(r.answers) &&
      typeof r.record_id === "string" && /^[\w.:-]{1,64}$/.test(r.record_id) && isCount(r.revision) && r.revision > 0 && isCount(r.group_id) && isCount(r.feature_id) && places.has(key(r));
  }
  function sound(name, value) {  // null where it is damaged, or of a form that is not ours
    if (name === "token" || name === "current") return typeof value === "string" ? value : null;
    if (!isObject(value)) return null;
    if (name === "probe") return value;
    var time = number(value.time), { annotator, seed, record, id, others } = value;
    if (name.startsWith("person.")) return isName(annotator) && isCount(seed) ? { annotator, seed, part: Math.min(number(value.part), (items.length - 1) / batch.part_size | 0), at: number(value.at), time } : null;
    if (record && !isRecord(record) || typeof id !== "string") return null;
    return {
      id: record ? record.record_id : id, revision: record ? record.revision : 0, record, draft: isObject(value.draft) ? value.draft : {}, seconds: isFinite(json(value.seconds)) ? Math.max(0, value.seconds) : 0,
      pastes: number(value.pastes), sent: number(value.sent), refused: number(value.refused), others: Array.isArray(others) ? others.filter(isRecord) : [], time
    };
  }
  function merge(name, mine, theirs) {
    theirs = sound(name, theirs);
    if (mine === null || theirs === null) return mine ?? theirs;
    if (mine.others) return join(mine, theirs);
    return typeof mine === "string" || mine.time >= theirs.time ? mine : theirs;
  }
  var said = answers => json([...TEXTS, ...RADIOS, ...CHECKS].map(name => text((answers || {})[name] || "").normalize().replace(/[\s\p{C}]+/gu, " ").trim()));  // as a collector writes it
  var same = (a, b) => said(a) === said(b);
  function join(a, b) {  // two versions of an entry, in either order: the later answer counts, the other one is kept too
    var rank = e => said(e.record && e.record.answers) + e.id, isFirst = a.revision - b.revision || a.time - b.time || (rank(a) < rank(b) ? 1 : -1);
    var [first, last] = isFirst > 0 ? [a, b] : [b, a], later = a.time > b.time || a.time === b.time && first === a ? a : b;
    var isRival = first.record && last.record && (first.id !== last.id || first.revision === last.revision) && !same(first.record.answers, last.record.answers);
    var isBusy = !same(later.record && later.record.answers, later.draft), found = sound("", first);
    if (isRival && first.id === last.id) { found.revision += 1; found.record = { ...first.record, revision: found.revision }; }
    if (isBusy || later === first) found.draft = later.draft;
    ["seconds", "pastes", "time"].forEach(name => { found[name] = Math.max(a[name], b[name]); });
    if (a.id === b.id) found.sent = Math.max(a.sent, b.sent);
    [a, b].forEach(e => { e.others.concat(isRival && e === last ? [last.record] : []).forEach(r => {
      if (json(r) !== json(found.record) && !found.others.some(o => json(o) === json(r))) found.others.push(r);
    }); });
    found.others.sort((x, y) => json(x) < json(y) ? -1 : 1);
    return found;
  }
  function changed(name) {  // by another window
    if (!me || $("item").hidden) return;
    progress();
    if (name === slot(order[at]) && entry(order[at]).revision > shown) say("You answered this feature in another window. If you save here too, this answer counts, and your file has both.");
  }
  function safe(state) {  // what became of the last keystroke
    safety = state;
    box.toggleAttribute("data-unsafe", state === "lost");
    $("kept").hidden = state === "lost";
    tell("saved", state === "lost" ? ONLY_HERE : !me ? "" : state === "kept" ? "Saved locally" : "Saving…");
  }
  function atRisk() {  // answers that would be gone with this window
    return me && items.some(item => {
      var e = entry(item), isOpen = !same(e.draft, e.record && e.record.answers);
      return !store.isSafe(slot(item)) && !taken.has(json([e.record, e.draft])) && (isOpen || e.record && e.sent < e.revision);
    });
  }

  function arrange() {  // the items of the part, shuffled by the recorded seed (mulberry32, Fisher and Yates)
    var seed = me.seed, i, j;
    order = items.slice(me.part * batch.part_size, (me.part + 1) * batch.part_size);
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
  var picture = (src, alt, look = "") => make("img", { src: root + "media/" + src, alt: alt, className: look, decoding: "async" });
  function row(letter, title, hint, tiles, draw) {
    return make("tr", {}, [make("th", { scope: "row" }, [make("b", { textContent: letter }), " " + title + " ", make("small", { textContent: hint })])].concat(tiles.map((tile, i) => {
      var src = tile[letter === "C" ? 2 : 0];
      if (!src) return make("td", {}, [make("span", { className: "empty", textContent: "not attacked" })]);
      var link = make("a", { className: "zoom", href: root + "media/" + src }, [draw(tile, letter + ", image " + (i + 1) + " of " + tiles.length)]);
      link.dataset.caption = letter + " · " + title + " · image " + (i + 1);
      return make("td", {}, [link]);
    })));
  }
  function draw(item) {
    var rows = [row("A", "Most activating images", "what do they share?", item.tiles, (t, alt) => picture(t[0], alt))];
    if (item.tiles.some(t => t[1])) rows.push(row("B", "Heatmaps", "where the feature responds", item.tiles, (t, alt) => {
      return make("span", { className: "heat" }, [picture(t[0], alt)].concat(t[1] ? [picture(t[1], "", "map")] : []));
    }));
    if (item.tiles.some(t => t[2])) rows.push(row("C", "Feature attack", "changed so that it responds more", item.tiles, (t, alt) => picture(t[2], alt)));
    $("pictures").replaceChildren(...rows);
    $("title").textContent = item.title;
    $("legend-relation").textContent = item.asks;
  }
  function show(i) {
    at = me.at = Math.min(Math.max(i, 0), order.length - 1);
    remember();
    var item = order[at], e = entry(item);
    draw(item);
    form.reset();
    shown = e.revision;
    TEXTS.forEach(name => { field[name].value = text(e.draft[name]).slice(0, field[name].maxLength); });
    RADIOS.forEach(name => { field[name].value = text(e.draft[name]); });
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
    if (!e.record || !same(e.record.answers, found)) {
      if (e.revision > shown) e.others.push(e.record);  // of another window, not seen here
      shown = e.revision += 1;
      e.record = {
        schema_version: 1, record_id: e.id, revision: e.revision, report_id: batch.report_id, feature_model: batch.feature_model,
        group_id: item.group_id, feature_id: item.feature_id, annotator: me.annotator, order_seed: me.seed, position: at,
        active_seconds: Math.round(e.seconds * 10) / 10, n_pastes: e.pastes, source: "form", answers: found
      };
      keep(item, e);
      send();
    }
    say("");
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
  var records = () => items.flatMap(item => { var e = entry(item); return e.record ? [...e.others, e.record] : []; });
  function download() { store.gather(deliver); }
  function deliver() {
    var found = records(), text = found.map(r => json(r) + "\n").join(""), link = make("a", {
      href: URL.createObjectURL(new Blob([text], { type: "application/jsonl" })), download: "annotations-" + me.annotator + "-" + batch.batch_id + ".jsonl"
    });
    link.click();
    setTimeout(() => { URL.revokeObjectURL(link.href); }, 1000);
    items.forEach(item => { var e = entry(item); if (e.record && same(e.draft, e.record.answers)) taken.add(json([e.record, e.draft])); });
    say("Downloaded " + found.length + " answer" + (found.length === 1 ? "." : "s."));
  }
  function adopt(found, isStored) {  // records from a file or the collector
    var isNew = !read("person." + me.annotator), n = 0, there = new Map();
    found.forEach(r => {
      if (!isRecord(r) || r.annotator !== me.annotator) return;
      var place = places.get(key(r)), item = items[place];
      n += 1;
      if (isNew && isCount(r.order_seed)) {  // new here: go on in the same order, after the last answer
        me.seed = r.order_seed;
        me.part = Math.floor(place / batch.part_size);
        me.at = Math.max(me.at, number(r.position) + 1);
      }
      there.set(r.record_id, r.revision);
      keep(item, join(entry(item), sound("", { id: r.record_id, record: r, draft: r.answers, seconds: r.active_seconds, pastes: r.n_pastes })));
    });
    if (isStored) items.forEach(item => {  // what the server has, whatever it said at an earlier time
      var e = entry(item), has = there.get(e.id) || 0;
      if (e.record && e.sent !== has) { e.sent = Math.min(has, e.revision); keep(item, e); }
    });
    return n;
  }
  function load(file) {
    file.text().then(text => {
      var lines = text.split("\n").filter(line => line.trim()), found = lines.map(line => { try { return JSON.parse(line); } catch { return null; } });
      var first = found.find(isRecord);
      if (first && !(outbox && outbox.hasToken())) {
        me = person(first.annotator);
        $("annotator").value = me.annotator;
      }
      var n = me ? adopt(found, false) : 0;
      if (me) { remember(); $("part").value = me.part; }
      $("take").disabled = !me;
      say(n + " answers read" + (n < lines.length ? ", " + (lines.length - n) + " belong to another report or person" : "") + (n ? ". Press Start to go on." : "."));
    }).catch(() => { say("This file cannot be read."); });
  }

  // --- the collector -----------------------------------------------------------------------------------------
  var unsent = () => me ? items.map(entry).filter(e => e.record && e.sent < e.revision && e.refused !== e.revision).map(e => e.record) : [];
  function send() { if (isConnected && me) outbox.send(); }
  function stored(record) {
    var item = items[places.get(key(record))], e = entry(item);
    if (e.id === record.record_id) { e.sent = Math.max(e.sent, record.revision); keep(item, e); }
  }
  function refused(record, why) {
    var item = items[places.get(key(record))], e = entry(item), isTaken = why.startsWith("record_id:");
    if (e.id !== record.record_id) return;
    e.refused = e.revision;
    if (isTaken || why.startsWith("revision:")) {  // another window or machine was there first: send it as a new one
      if (isTaken) e.id = hex(random()); else e.revision += 1;
      e.record = { ...e.record, record_id: e.id, revision: e.revision };
      if (isTaken) e.refused = e.sent = 0;
      if (item === order[at]) shown = e.revision;
    } else refusal = "The server refused an answer: " + why + ". Download your answers.";
    keep(item, e);
  }
  function sent(state) {
    var n = me && records().length;
    tell("sent", { sending: "Sending…", waiting: "Not sent yet; trying again. " + (safety === "lost" ? "Your answers are only in this window." : "Your answers are kept here."), expired: "Your link is not valid any more. Download your answers.", done: refusal || (n ? "All answers are stored on the server" : "") }[state]);
    if (state === "done" && !refusal) complete();
  }
  function complete() {
    if ($("end").hidden || !collector.prolific) return;
    outbox.call("complete", {}).then(({ status, value }) => {
      if (status >= 500) throw new Error();
      if (status !== 200 || !/^https:\/\//.test(value.completion)) return;
      $("completion").replaceChildren(make("a", { href: value.completion, textContent: "Everything is stored. Return to Prolific" }));
    }).catch(() => { setTimeout(complete, outbox.pause()); });
  }
  function enter() {
    var hash = new URLSearchParams(location.hash.slice(1)), query = new URLSearchParams(location.search), token = hash.get("token") || read("token");
    if (hash.get("token")) history.replaceState(null, "", location.pathname + location.search);
    if (!collector.prolific || !query.get("PROLIFIC_PID")) return connect(token);
    outbox.call("enrol", { prolific_pid: query.get("PROLIFIC_PID"), study_id: query.get("STUDY_ID"), session_id: query.get("SESSION_ID") }).then(reply => {  // not with the token of whoever sat here before
      if (reply.status < 500 && reply.status !== 429 && outbox.reasons(reply)) return say("You were not let in: " + outbox.reasons(reply) + "." + STILL);
      if (typeof reply.value.token !== "string") throw new Error();
      history.replaceState(null, "", location.pathname);
      connect(reply.value.token);
    }).catch(() => { later(enter); });
  }
  function later(what) {
    say("The server does not answer; trying again." + STILL);
    setTimeout(what, outbox.pause());
  }
  function connect(token) {
    if (!token) return say("Open the link you were given: this form has no token." + STILL);
    outbox.use(token);
    outbox.call("session").then(reply => {
      var { annotator, part, records } = reply.value;
      if (reply.status === 401 && outbox.reasons(reply)) { outbox.use(null); write("token", ""); return say("Your link is not valid any more." + STILL); }
      if (reply.status !== 200 || !isName(annotator) || !Array.isArray(records)) throw new Error();
      write("token", token);
      if (order.length && me.annotator !== annotator) { outbox.use(null); return say("The server answers now, and knows you as " + annotator + ". Download your answers, then reload this page."); }
      var isGoing = order.length > 0 && !!me, n;
      me = person(annotator);
      n = adopt(records, true);
      if (isCount(part)) me.part = part;
      $("annotator").value = annotator;
      $("annotator").readOnly = true;
      $("part").value = me.part;
      $("part").disabled = isCount(part);
      if (isGoing) progress(); else remember();
      isConnected = true;
      say("Connected: each answer goes to the server when you save it." + (n ? " It has " + n + " already." : ""));
      send();
    }).catch(() => { later(() => { connect(token); }); });
  }

  // --- the course of things ----------------------------------------------------------------------------------
  function start() {
    var name = $("annotator").value.trim();
    if (!$("annotator").checkValidity() || !name) { $("annotator").reportValidity(); return; }
    me = person(name);
    var part = $("part").disabled ? me.part : Number($("part").value) || 0, wanted = location.hash.slice(1), place = items.findIndex(item => "item-" + key(item) === wanted);
    if (place >= 0) part = Math.floor(place / batch.part_size);
    if (part !== me.part) me.at = 0;
    me.part = part;
    arrange();
    show(place >= 0 ? order.indexOf(items[place]) : me.at);
    send();
  }
  function compare() {  // a model's words, for whoever has described all features: nobody repeats them
    var found = order.filter(item => item.suggested), isDone = order.every(item => entry(item).record);
    $("suggested").hidden = !isDone || !found.length;
    $("suggested-rows").replaceChildren(...(isDone ? found : []).map(item => make("tr", {}, [
      item.title, text((entry(item).record.answers || {}).short || "") || "–", item.suggested].map(words => make("td", { textContent: words })))));
  }
  function finish() {
    progress();
    compare();
    step("end");
    send();
  }
  function touched() { active = performance.now(); }

  on(form, "input", () => { touched(); limit(); draft(); });
  on(form, "paste", () => { var e = entry(order[at]); e.pastes += 1; keep(order[at], e); });
  on(form, "submit", event => { event.preventDefault(); if (save()) forward(); });
  on(form, "keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); });
  ["pointermove", "keydown", "scroll"].forEach(name => { on(document, name, touched, { passive: true }); });
  setInterval(() => {
    if ($("item").hidden || document.visibilityState !== "visible" || performance.now() - active > 60000) return;
    var e = entry(order[at]);
    e.seconds += 1;
    keep(order[at], e, true);
  }, 1000);
  var actions = {
    start, back: () => { show(at - 1); }, skip: () => { if (at + 1 < order.length) show(at + 1); else finish(); },
    download, again: () => { show(0); }, intro: () => { step("intro"); }
  };
  on(box, "click", event => { var name = event.target.dataset?.action; if (name) actions[name](); });
  on($("intro-form"), "submit", event => { event.preventDefault(); start(); });
  on($("file"), "change", event => { if (event.target.files[0]) load(event.target.files[0]); });
  on(window, "online", send);
  on(window, "beforeunload", event => { if (atRisk()) { event.preventDefault(); event.returnValue = true; } });

  var places = new Map(items.map((item, i) => [key(item), i]));
  var store = barlowStore(PREFIX, { merge, told: safe, changed }), { read, write } = store;
  var outbox = collector && barlowOutbox(root + collector.api, { unsent, stored, refused, told: sent });
  draw(items[0]);
  barlowReport.setUpHeatmaps();
  store.load(() => {
    var last = read("current");
    if (isName(last)) { me = person(last); $("part").value = me.part; $("take").disabled = false; } else last = null;
    $("annotator").value = last || "person-" + hex(random()).slice(0, 6);
    box.hidden = false;
    store.check();
    if (outbox) enter();
    else if (last && me.at) say("Welcome back: press Start to go on where you were.");
  });
})();
