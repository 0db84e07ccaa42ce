// Answers on their way to a collector. An answer is stored when the collector says so in its own words: with the id and
// the revision of the record. Anything else, such as a page of a proxy, a login or an error, means: try again later, the
// other answers first, at longer and longer intervals.
//
// `unsent()` lists the records that are waiting; `stored(record)` and `refused(record, reasons)` hear what became of one;
// `told(state)` hears "sending", "waiting", "done" or "expired".
function barlowOutbox(address, { unsent, stored, refused, told }) {
  var token = null, isBusy = false, failures = new Map(), inARow = 0, timer = 0, PATIENCE = 20000;

  function call(route, body) {  // the reply, if it is JSON of whoever we asked, not of where they sent us
    var stop = new AbortController(), late = setTimeout(() => { stop.abort(); }, PATIENCE), headers = token ? { Authorization: "Bearer " + token } : {};
    if (body) headers["Content-Type"] = "application/json";
    return fetch(address + route, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), redirect: "error", cache: "no-store", signal: stop.signal }).then(response =>
      response.json().then(value => ({ status: response.status, value: value || {} }))).finally(() => { clearTimeout(late); });
  }
  var reasons = reply => Array.isArray(reply.value.reasons) ? reply.value.reasons.join("; ") : "";
  var pause = () => Math.min(60000, 2000 * Math.pow(2, inARow++)) * (0.75 + Math.random() / 2);
  var failed = record => failures.get(record.record_id) || 0;
  function send() {
    clearTimeout(timer);
    if (!token || isBusy) return;
    var record = unsent().sort((a, b) => failed(a) - failed(b))[0];
    if (!record) return told("done");
    isBusy = true;
    told("sending");
    call("annotations", record).then(reply => {
      var { status, value } = reply, why = reasons(reply);
      if ((status === 200 || status === 201) && value.record_id === record.record_id && value.revision === record.revision) stored(record);
      else if (status === 401 && why) token = null;
      else if ([400, 403, 409, 413, 422].includes(status) && why) refused(record, why);
      else throw new Error("no acknowledgement");
      inARow = 0;
      isBusy = false;
      if (token) send(); else told("expired");
    }).catch(() => {
      isBusy = false;
      failures.set(record.record_id, failed(record) + 1);
      told("waiting");
      timer = setTimeout(send, pause());
    });
  }
  return { call, reasons, pause, send, use: value => { token = value; }, hasToken: () => !!token };
}
