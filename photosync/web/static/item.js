// One item: arrows lead to its neighbours, Escape back to all.

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("video, input")) return;
  const link = { ArrowLeft: "newer", ArrowRight: "older", Escape: "up" }[event.key];
  if (link) document.getElementById(link)?.click();
});
