// Without this the page reads as well; with it, it filters, copies, and answers to keys.
(() => {
  "use strict";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const field = tools.querySelector("input");
  const count = tools.querySelector("output");
  const reviews = all(".review");
  const objects = all(".object");
  const links = all("nav [data-review]");
  const keys = document.querySelector("dialog");
  const findings = all(".finding");
  const empty = document.querySelector(".empty");
  const chosen = new Set();
  tools.hidden = false;

  // A button for each verdict that some object has.
  const words = new Map();
  for (const item of [...reviews, ...objects]) words.set(item.dataset.verdict, item.dataset.word);
  const place = tools.querySelector(".verdicts");
  if (words.size > 1) {
    for (const verdict of ["at-risk", "refused", "recreate", "restart", "in-place", "new", "differs", "none"]) {
      if (!words.has(verdict)) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = verdict;
      button.textContent = words.get(verdict);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        if (!chosen.delete(verdict)) chosen.add(verdict);
        button.setAttribute("aria-pressed", String(chosen.has(verdict)));
        filter();
      });
      place.append(button);
    }
  }

  function filter() {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (text) => wanted.every((word) => text.includes(word));
    let shown = 0;
    reviews.forEach((review, position) => {
      const title = review.dataset.find;
      let inside = 0;
      for (const object of all(".object", review)) {
        const is = matches(`${title} ${object.dataset.find}`) && (!chosen.size || chosen.has(object.dataset.verdict));
        object.hidden = !is;
        if (is) inside += 1;
      }
      const alone = matches(title) && (!chosen.size || chosen.has(review.dataset.verdict));
      review.hidden = !(inside || alone);
      for (const link of links) if (link.dataset.review === String(position)) link.classList.toggle("dim", review.hidden);
      shown += inside;
    });
    for (const finding of findings) finding.hidden = !matches(finding.dataset.find) || chosen.size > 0;
    const left = findings.filter((finding) => !finding.hidden).length;
    const filtered = wanted.length > 0 || chosen.size > 0;
    if (empty) empty.hidden = !filtered || reviews.some((review) => !review.hidden) || left > 0;
    const [some, every, noun] = objects.length || !findings.length ? [shown, objects.length, objects.length === 1 ? "object" : "objects"] : [left, findings.length, findings.length === 1 ? "finding" : "findings"];
    count.textContent = filtered ? `${some} of ${every} ${noun}` : `${every} ${noun}`;
  }
  field.addEventListener("input", filter);
  tools.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

  // The keys walk over what can be opened and over the reviews' titles.
  const stops = () => all(".review h2 a, .object > summary").filter((stop) => stop.offsetParent !== null);
  function walk(step) {
    const list = stops();
    if (!list.length) return;
    let here = list.indexOf(document.activeElement);
    if (here < 0) {
      here = list.findIndex((stop) => stop.getBoundingClientRect().top > 80);
      here = step > 0 ? here - 1 : Math.max(here, 0);
    }
    const next = list[Math.min(Math.max(here + step, 0), list.length - 1)];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  function toggleAll() {
    const shown = all("details.object").filter((object) => !object.hidden);
    const open = shown.some((object) => !object.open);
    for (const object of shown) object.open = open;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    if (event.key === "Escape" && (document.activeElement === field || field.value || chosen.size)) {
      field.value = "";
      chosen.clear();
      for (const button of all("[aria-pressed]", tools)) button.setAttribute("aria-pressed", "false");
      field.blur();
      filter();
      return;
    }
    if (event.target.closest("input, textarea")) {
      if (event.key === "Enter") walk(1);
      return;
    }
    const actions = { "/": () => field.select(), j: () => walk(1), k: () => walk(-1), e: toggleAll, "?": () => keys.showModal() };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  tools.querySelector(".help").addEventListener("click", () => keys.showModal());

  // Commands can be copied where the browser lets a page write to the clipboard.
  if (navigator.clipboard) {
    for (const command of all("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      command.after(button);
    }
  }

  // A rollout can be stepped through: the pods that are away at a step are so in the picture, too.
  for (const rollout of all(".rollout")) {
    const steps = all(".pods li[data-pod]", rollout);
    const boxes = all(".picture [data-pod]", rollout.closest(".review"));
    if (steps.length < 2 || !boxes.length) continue;
    const bar = document.createElement("label");
    bar.className = "stepper";
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 0;
    slider.max = steps.length;
    slider.value = 0;
    slider.setAttribute("aria-label", "Step of the rollout");
    const said = document.createElement("output");
    const show = () => {
      const now = Number(slider.value);
      steps.forEach((step, position) => step.classList.toggle("now", position === now - 1));
      const gone = new Set();
      steps.slice(0, now).forEach((step, position) => {
        const { pod, word } = step.dataset;
        if (word === "ends" || (word === "restarts" && position === now - 1)) gone.add(pod);
        else gone.delete(pod);
      });
      const late = new Set(steps.slice(now).filter((step) => step.dataset.word === "begins").map((step) => step.dataset.pod));
      for (const box of boxes) box.classList.toggle("away", now > 0 && (gone.has(box.dataset.pod) || late.has(box.dataset.pod)));
      const at = now ? steps[now - 1] : null;
      said.textContent = at ? `step ${now} of ${steps.length}: ${at.dataset.pod} ${at.dataset.word}, ${at.querySelector("small").firstChild.textContent} pods are there` : "before";
      slider.setAttribute("aria-valuetext", said.textContent);
    };
    slider.addEventListener("input", show);
    bar.append(slider, said);
    rollout.querySelector("h3").after(bar);
    show();
  }

  // The list shows where one is.
  if (links.length && "IntersectionObserver" in window) {
    const seen = new Set();
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target);
      const first = reviews.findIndex((review) => seen.has(review));
      for (const link of links) {
        if (link.dataset.review === String(first)) link.firstElementChild.setAttribute("aria-current", "true");
        else link.firstElementChild.removeAttribute("aria-current");
      }
    }, { rootMargin: "-80px 0px -50% 0px" });
    for (const review of reviews) watch.observe(review);
  }
  addEventListener("beforeprint", () => { for (const object of all("details")) object.open = true; });
  filter();
})();
