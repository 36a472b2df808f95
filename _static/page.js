// What the pages need beyond the theme: names and keys for who cannot see or point.
(() => {
  // The name of a control must hold the words that stand on it (WCAG 2.5.3); the theme's labels say other words.
  const relabel = () => {
    for (const button of document.querySelectorAll("button.search-button__button, details > summary[aria-label]")) {
      button.removeAttribute("aria-label");
    }
    for (const button of document.querySelectorAll(".theme-switch-button")) {
      const icon = [...button.querySelectorAll("svg")].find((each) => each.getClientRects().length);
      button.setAttribute("aria-label", ["Color mode", icon?.textContent.trim()].filter(Boolean).join(": "));
    }
  };

  // A bibliography's entries are no list items: docutils gives the role of a list to a box without any.
  const mendRoles = () => {
    for (const list of document.querySelectorAll(".citation-list[role=list]")) list.removeAttribute("role");
  };

  // What scrolls must be reached by keys.
  const reach = () => {
    const boxes = ".bd-article pre, div.math > mjx-container, .pst-scrollable-table-container";
    for (const box of document.querySelectorAll(boxes)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    }
  };

  const mend = () => { relabel(); mendRoles(); reach(); };
  window.addEventListener("load", () => {
    mend();
    // The theme's icons are drawn later, and again for another colour mode; equations are set later, too.
    let asked = 0;
    const again = () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(mend); };
    new MutationObserver(again).observe(document.body, { childList: true, subtree: true });
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-mode", "data-theme"] });
    window.addEventListener("resize", again);
  });
})();
