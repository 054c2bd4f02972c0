// What every page does beyond links and forms: opening rows, and saying when a request failed.
"use strict";

document.documentElement.classList.add("js");

// A link with data-toggle opens the row under it. Its content is fetched once, by htmx.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-toggle]");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const row = document.querySelector(opener.dataset.toggle).closest(".under");
  const open = opener.getAttribute("aria-expanded") !== "true";
  opener.setAttribute("aria-expanded", String(open));
  row.hidden = !open;
});
document.addEventListener("htmx:confirm", (event) => {
  const target = event.detail.elt.dataset.toggle;
  if (target && document.querySelector(target).childElementCount) event.preventDefault();
});

// On a narrow screen the navigation scrolls; where we are should be seen.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.submit();
});

const status = document.getElementById("status");
const say = (text) => { status.textContent = text; };
document.addEventListener("htmx:responseError", (event) => {
  const { responseText, status: code } = event.detail.xhr;
  const page = new DOMParser().parseFromString(responseText, "text/html");
  say(page.querySelector(".problem p")?.textContent ?? status.dataset.answered.replace("{code}", code));
});
document.addEventListener("htmx:sendError", () => {
  say(status.dataset.unreachable);
});
document.addEventListener("htmx:afterOnLoad", () => say(""));
