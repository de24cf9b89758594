// Sets the colours before the first paint; a classic script, so that the page waits for it.
(() => {
  const KEY = "vwe-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return window.localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  let chosen = read();

  const apply = () => {
    const theme = chosen ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  };

  window.switchTheme = () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem(KEY, chosen);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    apply();
  };
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) {
      chosen = event.newValue;
      apply();
    }
  });
  apply();
})();
