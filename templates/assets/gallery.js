// One image of a gallery whose rows are in a data script; tables.js, which comes after it in the same file, does the rest.
// Text from data is only ever set as text, never as HTML.
barlowReport.tile = function (all, columns, i, picture) {
  "use strict";
  var { make, percent, activation } = barlowReport, root = document.querySelector(".barlow").dataset.root;
  function value(key) { var c = columns.get(key); return c ? c.values[i] : null; }
  var isFailure = value("outcome") === "fails", name = value("picture"), image = value("image");
  var said = isFailure ? ", taken for " + value("prediction") : ", right", sure = value("confidence");
  if (sure !== null) said += ", " + percent(sure, 0) + "\u00a0sure";
  var seen = all.filter(c => c.kind === "activation").map(c => c.label + ": " + activation(c.values[i]));
  var shown = name ? make("a", { className: "zoom", href: root + "media/" + name, "data-caption": [image + ": " + value("label") + said].concat(seen).join(" · ") }, [picture(name, "labelled " + value("label") + ", taken for " + value("prediction"))]) : make("span", { className: "gone", textContent: "no picture" });
  var lines = [make("span", {}, [make("b", { textContent: value("label") }), said])].concat(seen.map(text => make("small", { textContent: text })), [make("small", { className: "which", textContent: image })]);
  if (value("split") === "new") lines.push(make("small", { className: "new", textContent: "held out" }));
  return make("li", { className: isFailure ? "fail" : "pass" }, [shown, make("span", { className: "cap" }, lines)]);
};
