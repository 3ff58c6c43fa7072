// What the pages that Streamlit draws lack, for fingers and keyboards.
(() => {
  // A question mark in the label of a switch explains it, and does not turn it over: the label does not hear of the press.
  for (const kind of ["pointerdown", "mousedown", "pointerup", "mouseup", "click", "touchstart", "touchend"]) {
    document.addEventListener(
      kind,
      (event) => {
        const icon = event.target.closest?.("label [data-testid=stTooltipIcon]");
        if (!icon?.closest("[data-testid=stCheckbox]")) return;
        event.stopPropagation();
        if (kind !== "click") return;
        event.preventDefault();
        const button = icon.querySelector("button");
        button.focus();
        button.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" })); // a finger does not hover
      },
      true,
    );
  }

  // A button that is drawn anew when it was pressed, or is gone with its page, leaves the focus nowhere: it goes on to what
  // has taken its place, else to the title.
  const FOCUSABLE = ":is(a[href], button, input, textarea, [tabindex='0']):not(:disabled, [tabindex='-1'])";
  const kin = (key) => key.replace(/-\d+$/, "-"); // what is drawn anew has a number of its own
  const peers = (place) => [...place.querySelectorAll(FOCUSABLE)].filter((each) => each.checkVisibility());
  let last = null;
  let page = "";
  let places = [];
  document.addEventListener("focusin", ({ target }) => {
    last = target;
    page = location.pathname;
    places = [];
    for (let place = target; place; place = place.parentElement) {
      const key = [...place.classList].find((name) => name.startsWith("st-key-"));
      if (key) places.push([kin(key), peers(place).indexOf(target)]);
    }
  });
  setInterval(() => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    if (!document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]")) return; // it may yet come
    let next = null;
    for (const [key, index] of page === location.pathname ? places : []) {
      const found = [...document.querySelectorAll(`[class*="${key}"]`)].flatMap(peers);
      if ((next = found[index] ?? found.at(-1))) break;
    }
    if (!next && (next = document.querySelector("h1"))) next.tabIndex = -1;
    last = null;
    next?.focus({ preventScroll: true });
  }, 200);

  // Whoever is led to another view of a page is at its top, as on another page. The address would say so too late.
  const VIEWS = [".st-key-studies-published", "[class*=st-key-study-question]", ".st-key-study-view"];
  let views = [];
  setInterval(() => {
    const found = !location.pathname.endsWith("/studies") ? [] : VIEWS.filter((each) => document.querySelector(each));
    if (views.length && found.some((each) => !views.includes(each)))
      document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    views = found;
  }, 50);

  // Nobody is at the keyboard of the stage. When its server was away, Streamlit tries again later and later, and a dialog that
  // says so may stay. So the page is loaded anew as soon as the server answers; until then its last picture stays.
  const LOOK_MS = 2000;
  const PATIENCE = 3; // looks without a connection: a shorter break Streamlit mends by itself
  let away = -15; // looks without one; on a slow machine the first takes its time
  setInterval(async () => {
    if (!location.pathname.endsWith("/stage")) return;
    const isConnected = document.querySelector("[data-testid=stApp][data-test-connection-state=CONNECTED]");
    if (isConnected && away < PATIENCE) away = 0;
    else if (++away >= PATIENCE) {
      const health = new URL("_stcore/health", window.__streamlit.BACKEND_BASE_URL);
      const found = await fetch(health, { cache: "no-store", signal: AbortSignal.timeout(LOOK_MS) }).catch(() => null);
      if (found?.ok) location.reload();
    }
  }, LOOK_MS);
})();
