// Light or dark theme, switched by the buttons. Unlike a module, this classic script runs before the first paint.
(() => {
  const KEY = "vwe-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const known = (theme) => (["light", "dark"].includes(theme) ? theme : null);
  const read = () => {
    try {
      return known(window.localStorage.getItem(KEY));
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

  const turn = () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem(KEY, chosen);
    } catch {
      // Without storage the choice is lost with the page.
    }
    apply();
  };
  document.addEventListener("click", ({ target }) => target.closest(".theme-button") && turn());
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) {
      chosen = known(event.newValue);
      apply();
    }
  });
  apply();
})();
