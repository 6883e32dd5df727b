// What pages do beyond htmx: clocks and bars that move, local times, copying, keys, and how the stream stands.
"use strict";
(() => {
  const two = (number) => String(number).padStart(2, "0");
  const clock = (ms) => {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  };

  // Times: the server writes its own zone, the browser knows the reader's.
  const localTimes = (root) => {
    for (const element of root.querySelectorAll("time[data-form]")) {
      const at = new Date(element.dateTime);
      const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
      const day = at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
      const isToday = at.toDateString() === new Date().toDateString();
      const text = {
        time: isToday ? time : day,
        full: `${day} ${time}`,
        precise: `${time}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`,
      }[element.dataset.form];
      if (element.textContent !== text) element.textContent = text;
      element.title = at.toLocaleString();
    }
  };

  const untilText = (ms) => {
    const minutes = Math.ceil(ms / 60000);
    if (ms <= 0) return "now";
    if (ms < 60000) return `in ${Math.ceil(ms / 1000)} s`;
    return minutes < 90 ? `in ${minutes} min` : `in ${Math.round(minutes / 60)} h`;
  };

  // What moves by itself: positions of what plays, and what is to come.
  const tick = () => {
    const now = Date.now();
    for (const card of document.querySelectorAll("[data-position]")) {
      const { position, at, length, state } = card.dataset;
      const moved = state === "playing" ? now - Number(at) : 0;
      const here = Math.min(Number(position) + Math.max(0, moved), Number(length) || Infinity);
      const bar = card.querySelector("progress");
      if (bar) bar.value = here;
      const text = card.querySelector("[data-clock]");
      if (text) text.textContent = clock(here);
    }
    for (const element of document.querySelectorAll("time[data-until]")) {
      element.textContent = untilText(new Date(element.dateTime) - now);
    }
  };

  const refresh = (root) => {
    localTimes(root);
    tick();
  };

  // The stream.
  const polling = { timer: null };
  const show = (state) => {
    const badge = document.getElementById("stream");
    if (!badge) return;
    badge.hidden = false;
    badge.querySelector(".dot").className = `dot ${state === "live" ? "ok" : "warn"}`;
    badge.querySelector("[data-word]").textContent = state;
  };
  const poll = () => {
    const region = document.getElementById("live");
    if (!region || document.hidden) return;
    htmx.ajax("GET", location.href, { target: "#live", select: "#live", swap: "outerMorph" }).catch(() => {});
  };
  const lost = () => {
    show("no connection");
    polling.timer ??= setInterval(poll, 10000);
  };
  const found = () => {
    show("live");
    clearInterval(polling.timer);
    polling.timer = null;
  };
  document.addEventListener("htmx:sse:after:connection", found);
  document.addEventListener("htmx:sse:close", (event) => {
    if (event.detail?.reason === "removed") return;
    lost();
    // The reader has opened more pages than there are streams for: this one looks by itself.
    if (event.detail?.reason === "message") show("every 10 s");
  });
  document.addEventListener("htmx:sse:error", (event) => {
    // The login has ended: the page says so.
    if (event.detail?.status === 401) location.reload();
    if (!document.hidden) lost();
  });
  document.addEventListener("htmx:after:swap", () => refresh(document));
  document.addEventListener("htmx:sse:after:message", () => refresh(document));
  document.addEventListener("visibilitychange", () => !document.hidden && refresh(document));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      const field = document.getElementById(button.dataset.copy);
      field.select?.();
      // Without https there is no clipboard but this one.
      const done = navigator.clipboard ? navigator.clipboard.writeText(field.value ?? field.textContent) : document.execCommand("copy");
      Promise.resolve(done).then(() => { button.querySelector("[data-word]").textContent = "copied"; });
    }
    if (event.target.closest("[data-keys]")) document.getElementById("keys")?.showModal();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      for (const box of document.querySelectorAll("input[name=id]")) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-send]")) event.target.form.requestSubmit();
  });

  let leader = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const places = { n: "now", h: "history", d: "deliveries", l: "library", s: "setup", p: "help" };
    if (Date.now() - leader < 1500 && places[event.key]) {
      document.querySelector(`.nav a[data-place=${places[event.key]}]`)?.click();
    } else if (event.key === "g") {
      leader = Date.now();
      return;
    } else if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) search.focus();
      else document.querySelector(".nav a[data-place=history]")?.click();
      event.preventDefault();
    } else if (event.key === "?") {
      document.getElementById("keys")?.showModal();
    }
    leader = 0;
  });

  setInterval(tick, 1000);
  refresh(document);
})();
