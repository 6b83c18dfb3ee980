// Gives each command a button that copies it.
for (const command of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  [button.type, button.textContent] = ["button", "Copy"];
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  const box = document.createElement("div");
  box.className = "command";
  command.replaceWith(box);
  box.append(command, button, status);
  button.addEventListener("click", async () => {
    const said = await copyText(command) ? "Copied" : "Selected: press Ctrl+C";
    status.textContent = said;
    box.classList.add("done");
    setTimeout(() => { status.textContent = ""; box.classList.remove("done"); }, 2500);
  });
}

async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch { // no permission, or no such API, as on pages from servers without HTTPS
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand("copy");
  }
}
