"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));

  // Light and dark: the system's, until somebody says otherwise.
  const button = document.getElementById("theme");
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
  const tellTheme = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; tellTheme(); });
  systemIsDark.addEventListener("change", tellTheme);
  tellTheme();

  // One cell is chosen, everywhere.
  let chosen = null;
  const status = document.getElementById("chosen");
  function choose(cell) {
    chosen = cell === chosen ? null : cell;
    all(".chosen").forEach((each) => each.classList.remove("chosen"));
    if (chosen !== null) {
      all('[data-cell="' + chosen + '"]').forEach((each) => each.classList.add("chosen"));
      all('.chart .series.off[data-cell="' + chosen + '"]').forEach((each) => show(each, true));
    }
    all(".pick").forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.pick === String(chosen))));
    status.textContent = chosen === null ? "" : "Chosen: " + (data.names[chosen] || "");
  }
  all(".pick").forEach((each) => each.addEventListener("click", () => choose(each.dataset.pick)));
  addEventListener("keydown", (event) => { if (event.key === "Escape" && chosen !== null) { choose(chosen); } });

  // Legends show and hide.
  function show(series, wanted) {
    series.classList.toggle("off", !wanted);
    const item = series.closest("figure").querySelector('.legend [data-series="' + series.dataset.series + '"]');
    if (item) { item.setAttribute("aria-pressed", String(wanted)); }
  }
  all(".legend button").forEach((item) => item.addEventListener("click", () => {
    const series = item.closest("figure").querySelector('.chart .series[data-series="' + item.dataset.series + '"]');
    show(series, series.classList.contains("off"));
  }));

  // One of the heatmaps is seen.
  all(".maps").forEach((chooser) => {
    const maps = all(".map", chooser.closest("figure"));
    chooser.hidden = false;
    chooser.querySelector("select").addEventListener("change", (event) => {
      maps.forEach((map, number) => { map.hidden = String(number) !== event.target.value; });
    });
  });
  all(".chart .box").forEach((each) => each.addEventListener("click", () => choose(each.dataset.cell)));

  // What lies under the pointer.
  data.figures.forEach((figure) => {
    const element = document.getElementById("figure-" + figure.key);
    if (!element) { return; }
    const plot = element.querySelector(".plot");
    const svg = element.querySelector(".chart");
    const groups = all(".series", svg);
    const readout = document.createElement("div");
    readout.className = "readout";
    readout.hidden = true;
    plot.append(readout);
    const cross = document.createElementNS(svg.namespaceURI, "path");
    cross.setAttribute("class", "cross off");
    svg.append(cross);
    const [left, top, right, bottom] = figure.plot;

    function nearest(x, y) {
      let best = null;
      let least = 22 * 22;
      figure.series.forEach((series, number) => {
        if (groups[number].classList.contains("off")) { return; }
        series.points.forEach((point) => {
          const distance = (point[0] - x) ** 2 + (point[1] - y) ** 2;
          if (distance < least) { least = distance; best = point; }
        });
      });
      return best;
    }
    function along(x) {
      const lines = [];
      figure.series.forEach((series, number) => {
        if (groups[number].classList.contains("off")) { return; }
        let last = null;
        for (const point of series.points) {
          if (point[0] > x) {
            if (figure.reading === "next") { last = point; }
            break;
          }
          last = point;
        }
        if (last) { lines.push(series.name + ": " + last[2]); }
      });
      return lines.join("\n");
    }
    function hide() { readout.hidden = true; cross.classList.add("off"); }
    function place(event) {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale, box.width];
    }
    svg.addEventListener("pointermove", (event) => {
      const [x, y, wide] = place(event);
      let words = "";
      if (figure.reading === "nearest") {
        const point = nearest(x, y);
        words = point ? point[2] : "";
      } else if (x >= left && x <= right && y >= top && y <= bottom) {
        words = along(x);
        cross.setAttribute("d", "M" + x + " " + top + "V" + bottom);
        cross.classList.remove("off");
      }
      if (!words) { hide(); return; }
      readout.textContent = words;
      readout.hidden = false;
      const pixels = x * wide / svg.viewBox.baseVal.width;
      const isRight = pixels > wide / 2;
      readout.style.left = isRight ? "auto" : (pixels + 14) + "px";
      readout.style.right = isRight ? (wide - pixels + 14) + "px" : "auto";
      readout.style.top = Math.max(0, y * wide / svg.viewBox.baseVal.width - 20) + "px";
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("click", (event) => {
      const [x, y] = place(event);
      if (figure.reading === "nearest") {
        const point = nearest(x, y);
        if (point && point[3] !== null) { choose(String(point[3])); }
      } else {
        const group = event.target.closest(".series[data-cell]");
        if (group) { choose(group.dataset.cell); }
      }
    });
  });
})();
