"use strict";
(() => {
  const page = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  page.classList.add("scripted");

  // Light or dark, until the page is left; the first is what the reader's system asks for.
  const theme = document.querySelector("[data-theme]:not(html)");
  const isDark = () => (page.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const named = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { page.dataset.theme = isDark() ? "light" : "dark"; named(); });
  named();

  // Contents: the section that is read, and a menu where the window is narrow.
  const contents = document.querySelector(".contents");
  const toggle = document.querySelector("[data-contents]");
  const open = (state) => { contents.classList.toggle("open", state); toggle.setAttribute("aria-expanded", contents.classList.contains("open")); };
  toggle.addEventListener("click", () => open());
  const links = new Map(all(".contents a").map((link) => [link.hash.slice(1), link]));
  links.forEach((link) => link.addEventListener("click", () => open(false)));
  const places = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const current = () => {
    const above = places.filter((place) => place.getBoundingClientRect().top < innerHeight / 3);
    const link = links.get((above.at(-1) || places[0]).id);
    if (link.getAttribute("aria-current")) return;
    all(".contents [aria-current]").forEach((each) => each.removeAttribute("aria-current"));
    all(".contents li.open").forEach((each) => each.classList.remove("open"));
    link.setAttribute("aria-current", "true");
    for (let item = link.closest("li"); item; item = item.parentElement.closest(".contents li")) item.classList.add("open");
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; current(); });
    waiting = true;
  }, { passive: true });
  current();

  // Tables: a click on a heading sorts; numbers by size, what is empty last.
  const number = (text) => parseFloat(text.replace(/^[<≤]\s*/, "").replace(/−/, "-").replace(/,(?=\d{3})/g, ""));
  const sort = (heading) => {
    const body = heading.closest("table").tBodies[0], column = heading.cellIndex;
    const falling = heading.getAttribute("aria-sort") === (heading.className === "n" ? "descending" : "ascending")
      ? heading.className !== "n" : heading.className === "n";
    const keyed = [...body.rows].map((row) => [heading.className === "n" ? number(row.cells[column].textContent) : row.cells[column].textContent.trim(), row]);
    const empty = (key) => key === "" || Number.isNaN(key);
    keyed.sort(([a], [b]) => empty(a) - empty(b) || (falling ? -1 : 1) * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true })));
    all("th", heading.parentElement).forEach((each) => each.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  };
  all("table.data th").forEach((heading) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(heading));
  });
  const has = (row, words) => words.every((word) => row.textContent.toLowerCase().includes(word));
  const wordsOf = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);
  all("[data-filter]").forEach((input) => input.addEventListener("input", () => {
    const words = wordsOf(input);
    all("tbody tr", input.closest(".table")).forEach((row) => row.classList.toggle("away", !has(row, words)));
  }));

  // One word is highlighted in all tables and figures.
  const highlight = document.querySelector("[data-highlight]");
  highlight.addEventListener("input", () => {
    const words = wordsOf(highlight);
    all("table.data tbody tr, figure svg text").forEach((each) => each.classList.toggle("lit", words.length > 0 && has(each, words)));
  });

  // A figure as a file of its own.
  all("[data-export]").forEach((button) => button.addEventListener("click", () => {
    const drawn = button.closest("figure").querySelector("svg").cloneNode(true), box = drawn.viewBox.baseVal;
    drawn.setAttribute("width", `${box.width}pt`);
    drawn.setAttribute("height", `${box.height}pt`);
    drawn.setAttribute("style", "background:#fff;font-family:'DejaVu Sans',Verdana,Arial,sans-serif;stroke-linejoin:round;stroke-linecap:butt");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(drawn)], { type: "image/svg+xml" }));
    link.download = button.dataset.export.split("/").at(-1);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }));

  // A link into a closed part opens it, and so does printing.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) all("details", target).forEach((each) => { each.open = true; });
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => all("details").forEach((each) => { each.open = true; }));
  reveal();
})();
