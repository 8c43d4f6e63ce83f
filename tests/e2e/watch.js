// Runs in every page before its own scripts, and keeps what its partner hears and sees as `watched`.
(() => {
  const watched = { energies: [], loudest: 0, shapes: [], levels: [], subtitles: [], lights: [] };
  globalThis.watched = watched;

  // What goes to the loudspeaker passes an analyser first.
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      const ear = new AnalyserNode(this.context, { fftSize: 4096 });
      const samples = new Float32Array(ear.fftSize);
      connect.call(this, ear);
      setInterval(() => {
        ear.getFloatTimeDomainData(samples);
        const energy = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
        watched.loudest = Math.max(watched.loudest, energy);
        watched.energies = [...watched.energies, energy].slice(-600);
      }, 50);
    }
    return connect.call(this, to, ...more);
  };

  const note = (list, value) => {
    if (value !== null && list.at(-1) !== value) list.push(value);
  };
  // Every state of the subtitles: the phrase, and how many of its words are lit.
  const read = (element) => {
    const words = [...element.querySelectorAll("[data-lit]")];
    const lit = words.filter((word) => word.dataset.lit === "true").length;
    const last = watched.subtitles.at(-1);
    const text = element.textContent;
    if (text && (last?.text !== text || last.lit !== lit)) watched.subtitles.push({ text, lit, of: words.length });
  };
  new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      if (attributeName === "data-mouth" && target.matches("svg")) note(watched.shapes, target.dataset.mouth);
      else if (attributeName === "data-level") note(watched.levels, target.dataset.level);
      else if (attributeName === "data-light") note(watched.lights, target.dataset.light);
      else {
        const element = target instanceof Text ? target.parentElement : target;
        const shown = element?.closest?.("[data-subtitles]") ?? element?.querySelector?.("[data-subtitles]");
        if (shown) read(shown);
      }
    }
  }).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-mouth", "data-level", "data-lit", "data-light"],
  });
})();
