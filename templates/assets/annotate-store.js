// What the form knows. Memory comes first: it always has everything, so that everything can be downloaded. Beside it two
// stores of the browser, each of which may be missing, full, silent or wiped: localStorage, which another window sees at
// once but which reaches the disk only after up to a minute; and a journal in IndexedDB, flushed within half a second.
// A value is safe when one of them has acknowledged it: read back, or committed.
//
// `merge(name, mine, theirs)` joins two versions of a value, from another window or an earlier visit; it must not matter
// which is which. It returns null where `theirs` is damaged and there is no `mine`. `told(state)` hears "kept", "saving"
// or "lost"; `changed(name)` that another window has written.
function barlowStore(prefix, { merge, told, changed }) {
  var memory = new Map(), seen = new Map(), late = new Map(), unsafe = new Set();  // seen: what localStorage held last
  var journal = null, isOpening = false, timer = 0, clock = 0, isBroken = false, slow = 0, SOON = 400, PATIENCE = 1500;

  function parsed(text) { try { return JSON.parse(text); } catch { return null; } }
  function local(name) { try { return localStorage.getItem(prefix + name); } catch { return null; } }
  var read = name => memory.has(name) ? JSON.parse(memory.get(name)) : null;

  function take(name, text) {  // a version from elsewhere; what cannot be understood is put aside as it is
    var theirs = parsed(text), value = null;
    try { if (theirs !== null) value = merge(name, read(name), theirs); } catch { }
    if (value !== null) {
      if (Number.isSafeInteger(value.time)) clock = Math.max(clock, value.time);
      memory.set(name, JSON.stringify(value));
    } else if (text !== "null" && !name.startsWith("damaged.")) try { localStorage.setItem(prefix + "damaged." + name, text); } catch { }
    return value !== null;
  }
  function report() {
    clearTimeout(slow);
    if (!unsafe.size) return told("kept");
    if (isBroken) return told("lost");
    told("saving");
    slow = setTimeout(fail, PATIENCE);
  }
  function fail() { isBroken = true; report(); }
  function keep(name) {
    var text = memory.get(name);
    try {
      localStorage.setItem(prefix + name, text);
      if (localStorage.getItem(prefix + name) !== text) return false;
    } catch { return false; }
    seen.set(name, text);
    unsafe.delete(name);
    return true;
  }
  function put(name, isMinor) {
    if (keep(name)) [...unsafe].forEach(keep);  // it has room again
    else if (!isMinor) unsafe.add(name);
    late.set(name, memory.get(name));
    timer = timer || setTimeout(flush, SOON);
    if (!isMinor) report();
  }
  function again() { seen.clear(); memory.forEach((_, name) => put(name)); }  // somebody wiped what was kept
  function write(name, value, isMinor) {
    if (value && typeof value === "object") value.time = clock = Math.max(Date.now(), clock + 1);  // clocks may go back
    var other = local(name), first = seen.keys().next().value;
    memory.set(name, JSON.stringify(value));
    if (other !== null && other !== seen.get(name)) take(name, other);
    if (first !== undefined && local(first) === null) again();
    put(name, isMinor);
  }

  function flush() {
    timer = 0;
    if (!journal) return open(() => { if (journal) flush(); else fail(); });
    var batch = new Map(late), kept;
    try {
      var work = journal.transaction("kept", "readwrite", { durability: "strict" });
      kept = work.objectStore("kept");
      batch.forEach((_, name) => {
        var found = kept.get(prefix + name);
        found.onsuccess = () => {  // another window may have written: its part stays
          if (found.result && found.result !== batch.get(name)) take(name, found.result);
          batch.set(name, memory.get(name));
          kept.put(memory.get(name), prefix + name);
        };
      });
      work.onabort = fail;
      work.oncomplete = () => {
        isBroken = false;
        batch.forEach((text, name) => { if (memory.get(name) === text) { late.delete(name); unsafe.delete(name); } });
        report();
      };
    } catch { journal = null; fail(); }
  }
  function open(then) {
    if (isOpening) return;
    isOpening = true;
    try {
      var opened = indexedDB.open("barlow-report");
      opened.onupgradeneeded = () => { opened.result.createObjectStore("kept"); };
      opened.onerror = () => { isOpening = false; then(); };
      opened.onsuccess = () => {
        isOpening = false;
        journal = opened.result;
        journal.onclose = journal.onversionchange = event => { event.target.close(); journal = null; };
        then();
      };
    } catch { isOpening = false; then(); }
  }
  function walk(then) {  // what the journal has and localStorage lost
    try {
      var cursor = journal.transaction("kept").objectStore("kept").openCursor(IDBKeyRange.bound(prefix, prefix + "~"));
      cursor.onerror = then;
      cursor.onsuccess = () => {
        var found = cursor.result;
        if (!found) return then();
        var name = found.key.slice(prefix.length);
        if (take(name, found.value) && memory.get(name) !== local(name)) put(name, true);
        found.continue();
      };
    } catch { then(); }
  }
  function within(time, then) {  // calls `then` once: when the returned function is called, or after `time`
    var once = () => { then(); then = () => { }; };
    setTimeout(once, time);
    return once;
  }
  function gather(then) { walk(within(300, then)); }  // what other windows wrote; localStorage tells of itself
  function load(then) {  // calls `then` in any case; a journal that answers later is still read
    var once = within(500, then);
    try {
      Object.keys(localStorage).filter(key => key.startsWith(prefix)).forEach(key => {
        var name = key.slice(prefix.length), text = local(name);
        seen.set(name, text);
        take(name, text);
      });
    } catch { }
    open(() => { isBroken = !journal; walk(once); });
  }
  addEventListener("pagehide", () => { if (timer && journal) flush(); });
  addEventListener("storage", event => {
    if (event.key === null ? seen.size : event.key.startsWith(prefix) && event.newValue === null) return again();
    if (!event.key?.startsWith(prefix)) return;
    var name = event.key.slice(prefix.length);
    seen.set(name, event.newValue);
    if (!take(name, event.newValue)) return;
    if (memory.get(name) !== event.newValue) put(name, true);
    changed(name);
  });
  return { read, write, load, gather, isSafe: name => !unsafe.has(name), check: () => { write("probe", { }); } };
}
