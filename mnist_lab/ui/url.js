// Gives a page that was opened without a query the one that says what it shows, in the place of the bare address: as an
// entry of its own in the browser's history, going back would lead to the bare one first, which shows the same.
export default function ({ data }) {
  if (data?.query && !window.location.search) {
    const { pathname, hash } = window.location;
    window.history.replaceState({}, "", `${pathname}?${data.query}${hash}`);
  }
}
