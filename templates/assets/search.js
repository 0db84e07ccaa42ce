// The search, in place of the theme's own, which knows words only as they are written and drops what is not Latin. It
// speaks the theme's protocol: 0 (the index) is answered by 1, 2 (what is typed) by 3 (results, the best first).
// Runs in a worker, or from file:// in a frame; `barlowFold` comes before it in the same file.
(function () {
  "use strict";
  var docs = [], MOST = 200, ENTITIES = { amp: "&", lt: "<", gt: ">", quot: "\"", "#34": "\"", "#39": "'" };

  function plain(html) {  // titles and texts are escaped; tags are the theme's
    return html.replace(/<[^>]*>/g, " ").replace(/&(amp|lt|gt|quot|#34|#39);/g, (_, name) => ENTITIES[name]).trim();
  }
  function escaped(text) { return text.replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" })[c]); }
  function marked(text, pieces) {
    var found = pieces.map(piece => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).sort((a, b) => b.length - a.length);
    return found.length ? text.split(new RegExp("(" + found.join("|") + ")", "giu")).map((part, i) => i % 2 ? "<mark data-md-highlight>" + escaped(part) + "</mark>" : escaped(part)).join("") : escaped(text);
  }
  function prepare(index) {
    docs = index.docs.map(doc => {
      var title = plain(doc.title), text = plain(doc.text);
      return { location: doc.location, title, text, name: barlowFold.entry(title), rest: barlowFold.entry(text) };
    });
  }
  function excerpt(text, pieces) {
    var at = Math.min(...pieces.map(piece => text.toLowerCase().indexOf(piece)).filter(i => i >= 0), text.length);
    var start = at < text.length && at > 120 ? text.indexOf(" ", at - 60) + 1 : 0;
    return (start ? "… " : "") + marked(text.slice(start, start + 240), pieces) + (text.length > start + 240 ? " …" : "");
  }
  function search(typed) {
    var query = barlowFold.fold(typed).trim(), pieces = barlowFold.pieces(typed.replace(/"/g, " ")), found = [], most = 1;
    docs.forEach((doc, i) => {
      var score = 0, n = 0, terms = {};
      pieces.forEach(piece => {
        var fit = 10 * barlowFold.fit(piece, doc.name) || barlowFold.fit(piece, doc.rest);
        terms[piece] = fit > 0;
        score += fit;
        n += fit > 0;
      });
      if (n < most || !pieces.length) return;
      most = n;  // results that have more of the words put out those with fewer
      found.push({ doc, i, n, terms, score: score + (doc.name.whole === query ? 5 : 0) });
    });
    return found.filter(f => f.n === most).sort((a, b) => b.score - a.score || a.doc.title.length - b.doc.title.length || a.i - b.i).slice(0, MOST).map(f => [{
      location: f.doc.location, title: marked(f.doc.title, pieces), text: excerpt(f.doc.text, pieces), score: f.score, terms: f.terms
    }]);
  }
  addEventListener("message", event => {
    var message = event.data;
    if (message.type === 0) { prepare(message.data); postMessage({ type: 1 }); }
    if (message.type === 2) postMessage({ type: 3, data: { items: search(message.data) } });
  });
})();
