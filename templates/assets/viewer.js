// The viewer: a picture as large as the window, and from there to others. Comes when a picture is opened.
(function () {
  "use strict";
  var { make, on, button } = window.barlowReport;
  // In a triptych, left and right lead to other images, up and down to the same image in the rows A, B and C.
  var viewer, stage, caption, place, letters, grid = [], row = 0, at = 0;
  function buildViewer() {
    stage = make("div", { className: "stage" });
    caption = make("p", { id: "viewer-caption" });
    place = make("span", { role: "status" });
    letters = make("span", { className: "letters", role: "group" });
    letters.setAttribute("aria-label", "Row of the triptych");
    var back = button("← Previous"), next = button("Next →"), close = button("Close");
    on(back, "click", () => { show(at - 1); });
    on(next, "click", () => { show(at + 1); });
    on(close, "click", () => { viewer.close(); });
    viewer = make("dialog", { className: "viewer", "aria-labelledby": "viewer-caption" }, [stage, caption, make("div", { className: "bar" }, [back, place, next, letters, close])]);
    on(viewer, "keydown", event => {
      if (event.key === "ArrowLeft") show(at - 1);
      else if (event.key === "ArrowRight") show(at + 1);
      else if (event.key === "ArrowUp" && grid.length > 1) step(row - 1);
      else if (event.key === "ArrowDown" && grid.length > 1) step(row + 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    on(viewer, "click", event => { if (event.target === viewer) viewer.close(); });
    on(viewer, "close", () => { if (grid[row][at]) grid[row][at].focus(); });
    document.querySelector(".barlow").append(viewer);
  }
  function zooms(box) { return Array.from(box.querySelectorAll(".zoom")); }
  function open(set, link) {
    var rows = Array.from(set.rows || []).filter(r => r.querySelector("th b") && r.querySelector(".zoom"));
    grid = rows.length > 1 ? rows.map(zooms) : [zooms(set)];
    row = grid.findIndex(links => links.includes(link));
    letters.replaceChildren(...(rows.length > 1 ? rows : []).map((r, i) => {
      var to = button(r.querySelector("th b").textContent);
      on(to, "click", () => { step(i); });
      return to;
    }));
    show(grid[row].indexOf(link));
  }
  // The same image in another row; a row that lacks it is passed over
  function step(to) {
    var column = grid[row][at].closest("td").cellIndex, way = to < row ? -1 : 1;
    for (var i = 0; i < grid.length; i++, to += way) {
      var links = grid[(to + grid.length) % grid.length], found = links.findIndex(link => link.closest("td").cellIndex === column);
      if (found < 0) continue;
      row = grid.indexOf(links);
      show(found);
      return;
    }
  }
  function show(i) {
    var links = grid[row];
    at = (i + links.length) % links.length;
    Array.from(letters.children).forEach((to, j) => { to.setAttribute("aria-pressed", String(j === row)); });
    var picture = links[at].firstElementChild.cloneNode(true);
    picture.querySelectorAll("img").forEach(img => { img.loading = "eager"; });
    stage.replaceChildren(picture);
    caption.textContent = links[at].dataset.caption;
    place.textContent = (at + 1) + " of " + links.length;
  }

  window.barlowReport.view = (set, link) => {
    if (!viewer || !viewer.isConnected) buildViewer();
    open(set, link);
    viewer.showModal();
  };
})();
