// Makes the pages pleasanter. None of them needs it.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A window that is brought to the front between the two clicks of a double
  // click must not take the second one as consent. Clicks of a pointer count
  // only once the page has been in front for a moment; keys count at once.
  const settle = 500;
  const guarded = all("[data-guard]");
  let ready = Infinity;
  const guard = () => {
    ready = performance.now() + settle;
    guarded.forEach((b) => b.removeAttribute("data-ready"));
    setTimeout(() => {
      if (performance.now() >= ready) guarded.forEach((b) => b.setAttribute("data-ready", ""));
    }, settle + 10);
  };
  guarded.forEach((b) => b.addEventListener("click", (e) => {
    if (e.detail > 0 && performance.now() < ready) e.preventDefault();
  }));
  if (guarded.length) {
    guard();
    addEventListener("focus", guard);
    addEventListener("pageshow", guard);
    document.addEventListener("visibilitychange", guard);
  }

  // A form is sent once. It may be sent again after a while, for a redirect to
  // an app leaves the page where it is.
  all("form").forEach((form) => {
    const free = () => form.removeAttribute("data-sent");
    form.addEventListener("submit", (e) => {
      if (form.hasAttribute("data-sent")) {
        e.preventDefault();
        return;
      }
      form.setAttribute("data-sent", "");
      setTimeout(free, 8000);
    });
    addEventListener("pageshow", free);
  });

  // Long lists get a filter, and a button for everything the filter shows.
  all("[data-choice]").forEach((choice) => {
    const items = all("[data-item]", choice).map((el) => ({
      el,
      input: el.querySelector("input"),
      text: `${el.closest("[data-group]")?.querySelector(".group").textContent ?? ""} ${(el.querySelector("label") ?? el).textContent}`.toLocaleLowerCase(),
    }));
    const tools = choice.querySelector("[data-tools]");
    if (items.length < 8 || !tools) return;
    const filter = tools.querySelector("[data-filter]");
    const every = tools.querySelector("[data-all]");
    const count = tools.querySelector("[data-count]");
    const shown = () => items.filter((i) => !i.el.hidden);
    const update = () => {
      const visible = shown();
      const picked = items.filter((i) => i.input?.checked).length;
      const counted = items[0].input ? `${picked} / ${items.length} ${count.dataset.count}` : `${visible.length} / ${items.length}`;
      count.textContent = visible.length ? counted : count.dataset.nomatch;
      if (every) {
        const full = visible.length > 0 && visible.every((i) => i.input.checked);
        every.textContent = full ? every.dataset.clear : every.dataset.all;
        every.hidden = visible.length === 0;
      }
    };
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLocaleLowerCase();
      items.forEach((i) => { i.el.hidden = !i.text.includes(wanted); });
      all("[data-group]", choice).forEach((g) => { g.hidden = !g.querySelector("[data-item]:not([hidden])"); });
      update();
    });
    // Enter in the filter would press the form's first button.
    filter.addEventListener("keydown", (e) => { if (e.key === "Enter") e.preventDefault(); });
    every?.addEventListener("click", () => {
      const visible = shown();
      const full = visible.every((i) => i.input.checked);
      visible.forEach((i) => { i.input.checked = !full; });
      update();
    });
    choice.addEventListener("change", update);
    tools.hidden = false;
    update();
  });

  all("[data-copy]").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = button.dataset.copied;
    });
  });

  document.querySelector("[data-summary]")?.focus();

  // A response goes to the client by itself, but not again when someone comes
  // back to this page.
  const arrived = performance.getEntriesByType("navigation")[0];
  if (arrived?.type !== "back_forward") document.querySelector("form[data-autosubmit]")?.requestSubmit();
})();
