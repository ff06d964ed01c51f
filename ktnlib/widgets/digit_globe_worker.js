// Answers off the page: a worker made of the widget's own text. Where there can be none, the page answers itself, one
// reader at a time, so that it stays awake.

const SERVE = `
let read;
onmessage = ({ data: { setup, panorama, latitude } }) => {
  if (setup) read = makeReader(setup);
  else postMessage(READERS.map((name) => read(name, panorama, latitude)));
};`;

// `answered(question, scores)` hears of every question asked; of those that come while one is answered the last is kept.
export function readingDesk(text, setup, answered) {
  let worker = null, url = null, own = null, at = null, next = null, stopped = false;
  const done = (scores) => {
    const question = at;
    at = null;
    if (stopped) return;
    answered(question, scores);
    if (next) ask(next);
  };
  const here = () => {
    own ??= makeReader(setup);
    const scores = [], one = () => {
      if (stopped) return;
      scores.push(own(READERS[scores.length], at.panorama, at.latitude));
      if (scores.length < READERS.length) setTimeout(one);
      else done(scores);
    };
    setTimeout(one);
  };
  const giveUp = () => { worker?.terminate(); worker = null; if (at) here(); };
  try {
    url = URL.createObjectURL(new Blob([text, SERVE], { type: "text/javascript" }));
    worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = (event) => { event.preventDefault(); giveUp(); };
    worker.postMessage({ setup });
  } catch { giveUp(); }
  function ask(question) {
    if (at) { next = question; return; }
    [at, next] = [question, null];
    if (worker) worker.postMessage({ panorama: question.panorama, latitude: question.latitude });
    else here();
  }
  return { ask, kind: () => (worker ? "worker" : "page"),
    stop: () => { stopped = true; worker?.terminate(); if (url) URL.revokeObjectURL(url); } };
}
