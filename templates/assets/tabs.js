// Sections of a page as tabs. Without script they are sections below links; an address that names something inside of
// one, or of closed details, opens it.
(function () {
  "use strict";
  document.querySelectorAll(".barlow [data-panels]").forEach(bar => {
    var tabs = Array.from(bar.querySelectorAll("a")), panels = tabs.map(tab => document.getElementById(tab.hash.slice(1)));
    if (tabs.length < 2 || panels.includes(null)) return;
    bar.setAttribute("role", "tablist");
    tabs.forEach((tab, i) => {
      tab.id = "tab-" + panels[i].id;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panels[i].id);
      panels[i].setAttribute("role", "tabpanel");
      panels[i].setAttribute("aria-labelledby", tab.id);
      tab.addEventListener("click", event => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose(i);
        history.replaceState(null, "", tab.hash);
      });
    });
    function choose(chosen) {
      tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", String(i === chosen));
        tab.tabIndex = i === chosen ? 0 : -1;
        panels[i].toggleAttribute("data-closed", i !== chosen);
      });
    }
    bar.addEventListener("keydown", event => {
      var at = tabs.indexOf(document.activeElement), last = tabs.length - 1;
      var to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last };
      if (at < 0 || !Object.hasOwn(to, event.key)) return;
      event.preventDefault();
      tabs[to[event.key]].focus();
      tabs[to[event.key]].click();
    });
    choose(0);
    window.addEventListener("hashchange", follow);
    function follow() {
      var target = document.getElementById(named()), at = target ? panels.findIndex(panel => panel.contains(target)) : -1;
      if (at < 0) return;
      choose(at);
      for (var box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
      target.scrollIntoView();
    }
    follow();
  });
  function named() { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } }
})();
