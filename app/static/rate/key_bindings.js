// What a key press means. Pure: an event and the page's scale in, an intent or null out.

const ACTION_OF_LETTER = { g: "guidelines", i: "instructions", m: "details", r: "recent", t: "raw" };

export function intentOf(event, scale) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (event.key === "?") return { act: "keys" };
  if (event.key === "Backspace") return { act: "undo" };
  if (event.key === "Enter") return { act: "confirm" };
  // What was typed goes before the key's place: AZERTY's "-" lies where others have the 6.
  const digit = digitByPlace(event);
  const point = scale.points.find((p) => p.key === event.key) || scale.points.find((p) => p.key === digit);
  if (point) return { act: "rate", score: point.score, verdict: "rated" };
  const letter = letterTyped(event);
  if (letter === "e") return { act: event.shiftKey ? "edit2" : "edit" };
  if (digit !== null || event.shiftKey) return null;
  const verdict = scale.verdicts.find((v) => v.key === letter);
  if (verdict) return { act: "rate", score: null, verdict: verdict.name };
  return ACTION_OF_LETTER[letter] ? { act: ACTION_OF_LETTER[letter] } : null;
}

// The digit row by its place on the keyboard, for where it types something else unshifted (AZERTY, Arabic digits).
function digitByPlace(event) {
  if (/^[0-9]$/.test(event.key)) return null;
  const place = /^Digit([0-9])$/.exec(event.code || "");
  return place && !event.shiftKey ? place[1] : null;
}

// Latin letters by what they type, other scripts' by their place.
function letterTyped(event) {
  if (/^[a-zA-Z]$/.test(event.key)) return event.key.toLowerCase();
  const place = /^Key([A-Z])$/.exec(event.code || "");
  return place && event.key.length === 1 ? place[1].toLowerCase() : null;
}
