"use strict";
// For each picture: a slider between the original and a decoded one, and which k that is.
for (const section of document.querySelectorAll("section[data-picture]")) {
  const pair = section.querySelector(".pair");
  const slider = pair.querySelector("input");
  const after = pair.querySelector(".after");
  const tag = pair.querySelector(".tag.right");

  const slide = () => {
    pair.style.setProperty("--at", slider.value + "%");
    slider.setAttribute("aria-valuetext", `original on the left ${Math.round(slider.value)} %, decoded on the rest`);
  };
  const choose = (choice) => {
    after.src = choice.parentElement.querySelector("img").src;
    after.alt = tag.textContent = `k = ${choice.dataset.k}`;
    for (const detail of section.querySelectorAll(".detail")) {
      detail.hidden = detail.dataset.row !== choice.value;
    }
  };
  slider.addEventListener("input", slide);
  section.addEventListener("change", (event) => {
    if (event.target.type === "radio") choose(event.target);
  });
  // A browser that comes back to the page may have kept both.
  slide();
  choose(section.querySelector("input[type=radio]:checked"));
}
