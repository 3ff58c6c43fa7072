// Gives a page that was opened without a query the one that says what it shows, in the place of the bare address: as an
// entry of its own in the browser's history, going back would lead to the bare one first, which shows the same.
// Streamlit draws a page once more after the address is already that of the next one, which is not to get this query.
export default function ({ data }) {
  const { pathname, search, hash } = window.location;
  if (data?.query && !search && pathname.endsWith(`/${data.page}`)) {
    window.history.replaceState({}, "", `${pathname}?${data.query}${hash}`);
  }
}
