"use strict";
for (const [id, chart] of Object.entries(JSON.parse(document.getElementById("charts").textContent))) {
  // ast: Vega interprets expressions, because the page's policy forbids evaluating new code.
  window.vegaEmbed(`#${id}`, chart, { renderer: "svg", actions: false, ast: true })
    .catch((error) => { document.getElementById(id).textContent = `Could not draw this chart: ${error.message}`; });
}
