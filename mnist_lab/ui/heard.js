// Screen readers say what changes in an element that stays; one that comes with its words is often passed over.
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector("[role=status]");
  if (place.textContent !== data.words) place.textContent = data.words;
}
