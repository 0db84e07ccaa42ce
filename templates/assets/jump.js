// The jump box, loaded when somebody enters it: suggestions from all names, and the way to the best one.
(function () {
  "use strict";
  var { make, on } = barlowReport, root = document.querySelector(".barlow").dataset.root, data, entries, isAsked = false;

  function Box(form) {
    var input = form.querySelector("input"), list = form.querySelector("datalist");
    function fitness(entry, query, pieces) {
      var fits = pieces.map(piece => barlowFold.fit(piece, entry));
      if (!query || fits.includes(0)) return 0;
      // A number alone is a feature's, before the class whose name has it
      return fits.reduce((a, b) => a + b, 0) + (entry.whole === query ? 2 : (entry.whole + " ").startsWith("feature " + query + " ") ? 1 : 0);
    }
    function suggest() {
      var query = barlowFold.fold(input.value).trim(), pieces = barlowFold.pieces(input.value);
      var found = entries.map((entry, i) => [fitness(entry, query, pieces), i]).filter(f => f[0]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, 20).map(f => data[f[1]]);
      // The browser shows only what holds the typed text as it is: a label that does makes it show the others
      list.replaceChildren(...found.map(e => make("option", e[0].toLowerCase().includes(input.value.toLowerCase()) ? { value: e[0] } : { value: e[0], label: input.value })));
      return found[0];
    }
    function go() {
      if (!entries) { isAsked = true; return; }
      var target = suggest();
      if (target) location.href = root + target[1];
      else { input.setCustomValidity("Nothing is called that."); form.reportValidity(); input.setCustomValidity(""); }
    }
    on(input, "input", () => { if (entries) suggest(); });
    on(form, "submit", go);
    return { suggest, go };
  }
  var boxes = Array.from(document.querySelectorAll("[data-jump]"), Box), script = make("script", { src: root + "data/jump.js" });
  on(script, "load", () => {
    data = window.BARLOW_JUMP;
    entries = data.map(e => barlowFold.entry(e[0]));
    boxes.forEach(box => { if (isAsked) box.go(); else box.suggest(); });
  });
  document.head.append(script);
})();
