"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const told = document.getElementById("told");
  const kinds = document.getElementById("kinds");
  const relations = document.getElementById("relations");
  const search = document.getElementById("search");
  const hidden = new Set(data.hidden);
  const unseen = new Set(["recorded"]);
  document.body.classList.add("live");

  const cy = cytoscape({
    container: document.getElementById("net"),
    elements: data.elements,
    layout: { name: "preset", fit: true, padding: 20 },
    minZoom: 0.05,
    maxZoom: 4,
    textureOnViewport: data.elements.nodes.length > 400,
    style: [
      { selector: "node", style: {
        shape: "round-rectangle", width: "data(width)", height: "data(height)", label: "data(short)",
        "font-size": 11, "text-wrap": "wrap", "line-height": 1.1, "text-valign": "center", "text-halign": "center", color: "#111111",
        "background-color": "data(fill)", "border-color": "data(line)", "border-width": 1 } },
      { selector: "edge", style: {
        "curve-style": "bezier", "control-point-step-size": 22, "target-arrow-shape": "triangle", "arrow-scale": 0.8,
        width: "data(weight)", "line-color": "data(line)", "target-arrow-color": "data(line)", label: "data(kind)",
        "font-size": 9, color: "#555555", "text-background-color": "#ffffff", "text-background-opacity": 0.85,
        "text-background-padding": 1, "min-zoomed-font-size": 7 } },
      { selector: "edge[strength = 'supporting'], edge[strength = 'lead']", style: { "line-style": "dashed" } },
      { selector: "edge[leaves]", style: { "source-endpoint": "data(leaves)", "target-endpoint": "data(arrives)" } },
      { selector: "edge[distances]", style: {
        "curve-style": "round-segments", "edge-distances": "endpoints", "segment-radii": 18,
        "segment-distances": "data(distances)", "segment-weights": "data(weights)" } },
      { selector: "edge[curve]", style: {
        "curve-style": "unbundled-bezier", "edge-distances": "endpoints",
        "control-point-distances": "data(curve)", "control-point-weights": "data(weights)" } },
      { selector: "edge[bend]", style: {
        "curve-style": "unbundled-bezier", "control-point-distances": "data(bend)", "control-point-weights": 0.5,
        "source-endpoint": "90deg", "target-endpoint": "90deg", "text-margin-x": 12 } },
      { selector: ":selected", style: { "border-width": 4, "border-color": "#d02020", "line-color": "#d02020",
        "target-arrow-color": "#d02020" } },
      { selector: ".found", style: { "border-width": 4, "border-color": "#e08000" } },
      { selector: ".off", style: { display: "none" } },
    ],
  });

  function element(name, text) {
    const made = document.createElement(name);
    if (text !== undefined) { made.textContent = text; }
    return made;
  }

  function place(reference) {
    const cut = reference.lastIndexOf("#");
    const capture = reference.slice(0, cut);
    return "frame " + reference.slice(cut + 1) + " of " + (data.captures[capture] || "capture") + " (" + capture + ")";
  }

  function tell(title, entries, evidence, total) {
    told.replaceChildren(element("h2", title));
    const list = element("dl");
    for (const [name, value] of entries) {
      list.append(element("dt", name), element("dd", value));
    }
    told.append(list);
    if (evidence.length) {
      told.append(element("h2", "Evidence: " + evidence.length + " of " + total + " frames"));
      const frames = element("ol");
      for (const reference of evidence) { frames.append(element("li", place(reference))); }
      told.append(frames);
    }
  }

  function greet() {
    tell("Evidence graph", data.summary, [], 0);
  }

  function refresh() {
    cy.batch(function () {
      cy.nodes().forEach(function (node) { node.toggleClass("off", hidden.has(node.data("kind"))); });
      cy.edges().forEach(function (edge) {
        const again = edge.data("again") && unseen.has("again");
        edge.toggleClass("off", Boolean(again) || unseen.has(edge.data("kind")));
      });
    });
  }

  function box(parent, name, text, set) {
    const label = element("label");
    const input = element("input");
    input.type = "checkbox";
    input.checked = !set.has(name);
    input.addEventListener("change", function () {
      if (input.checked) { set.delete(name); } else { set.add(name); }
      if (name === "capture") { if (input.checked) { unseen.delete("recorded"); } else { unseen.add("recorded"); } }
      refresh();
      if (set === hidden) { settle(); }
    });
    label.append(input, document.createTextNode(" " + text));
    parent.append(label);
  }

  unseen.add("again");
  for (const kind of data.kinds) { box(kinds, kind, kind, hidden); }
  for (const kind of data.relations) { if (kind !== "recorded") { box(relations, kind, kind, unseen); } }
  if (data.again) { box(relations, "again", "edges that a path shows already", unseen); }
  refresh();
  function settle() {
    const part = cy.elements(":visible").boundingBox();
    const zoom = Math.min(1.1, (cy.width() - 40) / Math.max(part.w, 1));
    cy.viewport({ zoom: zoom, pan: { x: 20 - part.x1 * zoom, y: 20 - part.y1 * zoom } });
  }
  settle();

  cy.on("tap", "node, edge", function (event) {
    const of = event.target.data();
    tell(of.title, of.told, of.evidence || [], of.total || 0);
  });
  cy.on("tap", function (event) { if (event.target === cy) { greet(); } });
  search.addEventListener("input", function () {
    const wanted = search.value.toLowerCase();
    cy.nodes().forEach(function (node) {
      node.toggleClass("found", wanted !== "" && node.data("title").toLowerCase().includes(wanted));
    });
  });
  document.getElementById("fit").addEventListener("click", function () { cy.fit(cy.elements(":visible"), 20); });
  greet();
})();
