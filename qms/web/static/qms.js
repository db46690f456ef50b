// A little more comfort where a script may run; every page works without it.

const errors = document.getElementById("errors");
if (errors) errors.focus();

// One act, one click: a form that is on its way cannot be sent again. The server would answer with the same receipt anyway.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    if (event.submitter?.hasAttribute("data-stays")) return;
    form.dataset.sent = "yes";
    window.addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
  });
}

// Words typed into a long form survive a closed tab. Passwords, files and hidden fields are never kept.
for (const form of document.querySelectorAll("form[data-keep]")) {
  const place = `qms:${form.dataset.keep}`;
  const keeps = (field) => field.name && !["password", "file", "hidden", "submit"].includes(field.type);
  const kept = JSON.parse(localStorage.getItem(place) || "null");
  if (kept && !errors) {
    const note = form.querySelector("[data-kept]");
    let changed = false;
    for (const field of form.elements) {
      if (!keeps(field) || !(field.name in kept)) continue;
      if (["checkbox", "radio"].includes(field.type)) continue;
      if (field.value !== kept[field.name]) changed = true;
    }
    if (changed && note) {
      note.hidden = false;
      note.querySelector("button").addEventListener("click", () => {
        for (const field of form.elements) if (keeps(field) && field.name in kept && !["checkbox", "radio"].includes(field.type)) field.value = kept[field.name];
        note.hidden = true;
      });
    }
  }
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const values = {};
      for (const field of form.elements) if (keeps(field)) values[field.name] = field.value;
      localStorage.setItem(place, JSON.stringify(values));
    }, 500);
  });
  form.addEventListener("submit", () => localStorage.removeItem(place));
}

// A list filters in place while one types.
for (const input of document.querySelectorAll("input[data-filters]")) {
  const rows = document.querySelectorAll(`#${input.dataset.filters} tbody tr`);
  input.addEventListener("input", () => {
    const wanted = input.value.toLocaleLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
  });
}

// The preview of a text follows the typing; the button does the same without a script.
const preview = document.querySelector("[data-preview]");
if (preview) {
  const form = preview.closest("form") || document.getElementById(preview.dataset.form);
  const text = form.querySelector("textarea[name=text]");
  const target = document.getElementById(preview.dataset.preview);
  let waiting;
  let asking;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asking?.abort();
      asking = new AbortController();
      const body = new FormData();
      for (const name of ["csrf", "text"]) body.set(name, form.elements[name].value);
      try {
        const answer = await fetch(preview.dataset.address, { method: "POST", body, signal: asking.signal });
        if (answer.ok) target.innerHTML = await answer.text();
      } catch (problem) {
        if (problem.name !== "AbortError") throw problem;
      }
    }, 700);
  });
}

// Nothing that was typed stays on a machine that somebody signs out of.
document.querySelector("form[action='/sign-out']")?.addEventListener("submit", () => {
  for (const name of Object.keys(localStorage)) if (name.startsWith("qms:")) localStorage.removeItem(name);
});

// A long diagram opens where the case stands.
for (const box of document.querySelectorAll(".drawing")) {
  const here = box.querySelector(".is-current rect");
  if (!here) continue;
  const place = here.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  box.scrollTo(place.left - frame.left - frame.width / 2 + place.width / 2, place.top - frame.top - frame.height / 3);
}
