// Sets the chosen theme before the first paint; a file of its own, because no inline script may run.
(() => {
  try {
    const theme = localStorage.getItem("errand.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing follows the device.
  }
})();
