// Counts down to the end of a round, by this machine's clock from the seconds that were left when the page was drawn.
const CORRECTED = 30000; // milliseconds: so far apart, two messages say that this machine's clock was set

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".clock");
  const isNew = root.ends !== data.ends;
  if (isNew || root.left !== data.left) {
    // A message comes late, never early: of two about the same end the earlier end is right, and the clock is not turned back.
    const until = Date.now() + 1000 * data.left;
    root.until = isNew || Math.abs(until - root.until) > CORRECTED ? until : Math.min(root.until, until);
  }
  root.ends = data.ends;
  root.left = data.left;
  clearInterval(root.timer);
  draw(root, isNew);
  root.timer = setInterval(() => draw(root, false), 250);
  return () => clearInterval(root.timer);
}

function draw(root, isNew) {
  const left = Math.max(0, Math.ceil((root.until - Date.now()) / 1000));
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  const place = root.querySelector(".left");
  if (place.textContent !== text) place.textContent = text;
  root.classList.toggle("last", left > 0 && left <= 60);
  // Said when it begins or is prolonged, a minute before its end, and at its end: not every second.
  const minutes = Math.ceil(left / 60);
  if (isNew || (minutes !== root.minutes && minutes <= 1)) {
    const words = minutes > 1 ? `${minutes} minutes are left` : minutes ? "Less than a minute is left" : "Time is up";
    root.querySelector(".said").textContent = words;
  }
  root.minutes = minutes;
}
