// Prints the page as the browser's own menu does.
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  button.onclick = () => window.print();
}
