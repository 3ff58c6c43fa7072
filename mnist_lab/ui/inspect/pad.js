// A pad to draw a digit on: with mouse, touch or pen, or with the keyboard. Sends its strokes while one draws, the
// next only when the last has been seen, so that slow answers never pile up. A pad that is not live sends them at the end
// of a stroke only, and then at once, for whoever draws may go on to a button.
const STEP = 0.02;
const PEN = 0.085; // share of the side, as the lab renders it
const PATIENCE = 2000; // milliseconds until an answer that did not come is no longer waited for

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".pad");
  const pad = (root.pad ??= begin(root, data));
  pad.send = (drawing) => setStateValue("drawing", drawing);
  pad.seen = Math.max(pad.seen, data?.seen ?? 0);
  pad.begin(data?.turn ?? 0);
  pad.offer();
}

function begin(root, data) {
  const canvas = root.querySelector("canvas");
  const pad = {
    strokes: (data?.strokes ?? []).map((stroke) => stroke.map((point) => [...point])),
    pointers: new Map(), // those that draw now, each finger or pen by its id with its own stroke
    stroke: null, // the keyboard's
    cursor: [0.3, 0.2],
    isDown: false,
    hasKeys: false,
    sent: data?.seen ?? 0,
    seen: data?.seen ?? 0,
    sentAt: 0,
    isLive: data?.live ?? true,
    turn: data?.turn ?? 0, // which drawing it is: with another one the pad is emptied
    isChanged: false,
    send: () => {},
  };

  pad.offer = () => {
    const now = performance.now();
    if (!pad.isChanged) return;
    if (pad.isLive && pad.seen < pad.sent && now - pad.sentAt < PATIENCE) return;
    if (!pad.isLive && (pad.stroke || pad.pointers.size)) return;
    pad.isChanged = false;
    pad.sent += 1;
    pad.sentAt = now;
    pad.send({ number: pad.sent, turn: pad.turn, strokes: pad.strokes.map((s) => s.map((p) => p.map((x) => Math.round(x * 1e4) / 1e4))) });
    if (pad.isLive) setTimeout(pad.offer, PATIENCE + 50);
  };

  pad.changed = () => {
    pad.isChanged = true;
    pad.paint();
    pad.offer();
  };

  pad.paint = () => {
    const side = canvas.width;
    const context = canvas.getContext("2d");
    context.fillStyle = "#000000";
    context.fillRect(0, 0, side, side);
    context.strokeStyle = context.fillStyle = "#ffffff";
    context.lineWidth = PEN * side;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of pad.strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * side, stroke[0][1] * side);
      for (const [x, y] of stroke) context.lineTo(x * side, y * side);
      context.stroke();
    }
    if (pad.hasKeys) {
      const [x, y] = pad.cursor.map((share) => share * side);
      context.strokeStyle = pad.isDown ? "#E69F00" : "#56B4E9";
      context.lineWidth = 0.012 * side;
      context.beginPath();
      context.arc(x, y, (PEN * side) / 2, 0, 2 * Math.PI);
      context.stroke();
    }
    root.querySelector(".hint").hidden = pad.strokes.length > 0;
    root.querySelector(".undo").disabled = root.querySelector(".clear").disabled = !pad.strokes.length;
  };

  pad.begin = (turn) => {
    if (turn === pad.turn) return;
    Object.assign(pad, { turn, strokes: [], stroke: null, isDown: false, isChanged: false });
    pad.pointers.clear();
    pad.paint();
  };

  pad.undo = () => {
    pad.strokes.pop();
    pad.lift();
  };
  pad.clear = () => {
    pad.strokes = [];
    pad.lift();
  };
  pad.lift = () => {
    pad.pointers.clear();
    pad.stroke = null;
    pad.isDown = false;
    pad.changed();
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (share) => Math.min(1, Math.max(0, share));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  };
  const start = (point) => {
    const stroke = [point];
    pad.strokes.push(stroke);
    return stroke;
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    pad.hasKeys = pad.isDown = false;
    pad.stroke = null;
    pad.pointers.set(event.pointerId, start(at(event)));
    pad.changed();
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const stroke = pad.pointers.get(event.pointerId);
    if (!stroke) return;
    const between = event.getCoalescedEvents?.() ?? []; // none at all in some browsers
    for (const one of between.length ? between : [event]) stroke.push(at(one));
    pad.changed();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => {
      if (pad.pointers.delete(event.pointerId)) pad.offer();
    });
  }

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
    if (event.key in moves) {
      pad.hasKeys = true;
      const [dx, dy] = moves[event.key];
      const step = STEP * (event.shiftKey ? 4 : 1);
      pad.cursor = pad.cursor.map((x, axis) => Math.min(1, Math.max(0, x + step * [dx, dy][axis])));
      if (pad.isDown) {
        pad.stroke.push([...pad.cursor]);
        pad.changed();
      } else pad.paint();
    } else if (event.key === " " || event.key === "Enter") {
      pad.hasKeys = true;
      pad.isDown = !pad.isDown;
      pad.stroke = pad.isDown ? start([...pad.cursor]) : null;
      if (pad.isDown) pad.changed();
      else {
        pad.paint();
        pad.offer();
      }
    } else if (event.key === "Backspace" || isUndo) pad.undo();
    else if (event.key === "Delete") pad.clear();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("focus", () => {
    pad.hasKeys = canvas.matches(":focus-visible");
    pad.paint();
  });
  canvas.addEventListener("blur", () => {
    pad.hasKeys = false;
    if (!pad.isLive) {
      pad.isDown = false;
      pad.stroke = null;
      pad.offer();
    }
    pad.paint();
  });
  root.querySelector(".undo").addEventListener("click", pad.undo);
  root.querySelector(".clear").addEventListener("click", pad.clear);
  pad.paint();
  return pad;
}
