"use strict";
for (const [id, chart] of Object.entries(JSON.parse(document.getElementById("charts").textContent))) {
  // ast: expressions are interpreted, so that the page's policy can forbid new code.
  window.vegaEmbed(`#${id}`, chart, { renderer: "svg", actions: false, ast: true })
    .catch((error) => { document.getElementById(id).textContent = `This chart could not be drawn: ${error.message}`; });
}
