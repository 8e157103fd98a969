/** Before anything is drawn: a page that was made dark does not flash white at night. */
try {
  const theme = localStorage.getItem("pointsman-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing follows its system.
}
