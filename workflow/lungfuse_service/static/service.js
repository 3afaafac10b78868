// Comfort only: every page works without it.
"use strict";

const wait = async (box) => {
  const says = box.querySelector("[data-says]");
  for (let pause = 400; ; pause = Math.min(pause * 1.3, 3000)) {
    await new Promise((done) => setTimeout(done, pause));
    try {
      const answer = await fetch(box.dataset.state, { headers: { Accept: "application/json" } });
      if (!answer.ok) return location.reload();
      const { state, ended, ahead } = await answer.json();
      if (ended) return location.reload();
      says.textContent = state === "queued" ? (ahead ? `Waiting: ${ahead} before you.` : "Waiting.") : box.dataset.running ?? "Reading, deciding, explaining.";
    } catch {
      says.textContent = "The service does not answer. Trying again.";
    }
  }
};

const dropZone = (field) => {
  const input = field.querySelector("input[type=file]");
  const preview = field.querySelector(".preview");
  const drop = field.querySelector(".drop");
  const show = () => {
    URL.revokeObjectURL(preview.src);
    const [file] = input.files;
    preview.hidden = !file;
    if (file) preview.src = URL.createObjectURL(file);
  };
  input.addEventListener("change", show);
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        show();
      }
    });
  }
  if (matchMedia("(pointer: coarse)").matches) {
    field.querySelector(".camera").hidden = false;
    field.querySelector("[data-camera]").addEventListener("click", () => {
      input.setAttribute("capture", "environment");
      input.click();
      input.removeAttribute("capture");
    });
  }
};

document.querySelectorAll("[data-state]").forEach(wait);
document.querySelectorAll("[data-drop]").forEach(dropZone);
document.querySelectorAll("form[data-sending]").forEach((form) =>
  form.addEventListener("submit", () => {
    const button = form.querySelector("button:not([type=button])");
    button.textContent = "Sending …";
    setTimeout(() => (button.disabled = true));
  })
);
