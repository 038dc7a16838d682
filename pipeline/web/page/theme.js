// The colours that somebody chose on this page, set before anything is painted.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* no memory on this browser: the system's colours */ }
